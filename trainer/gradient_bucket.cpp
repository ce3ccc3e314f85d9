#include "trainer/gradient_bucket.h"

#include <torch/torch.h>

#include <functional>

namespace nextframe {

using AddNodes = std::function<at::Tensor(at::Tensor, at::Tensor)>;

namespace {

/// The sum of all ranks' nodes; rows of `received` are by rank, then by node.
at::Tensor fold_received(const at::Tensor& received, int64_t num_grains, int64_t world_size) {
  TreeFold<at::Tensor, AddNodes> fold(
      num_grains, [](at::Tensor left, const at::Tensor& right) { return left.add_(right); });
  int64_t row = 0;
  for (int64_t rank = 0; rank < world_size; ++rank) {
    const auto [first, last] = owned_leaves(num_grains, rank, world_size);
    for (const auto& node : maximal_nodes(num_grains, first, last))
      fold.push(node, received[row++]);
  }
  return fold.take().front().second;
}

}  // namespace

struct GradientBucket::Fold : TreeFold<at::Tensor, AddNodes> {
  using TreeFold::TreeFold;
};

GradientBucket::GradientBucket(Communicator& world, int64_t num_grains, bool strict,
                               std::vector<FlatRange> ranges)
    : world_(world), num_grains_(num_grains), strict_(strict), ranges_(std::move(ranges)) {
  for (const auto& range : ranges_) elements_ += range.count;
  fold_ = std::make_unique<Fold>(num_grains, [this](at::Tensor left, at::Tensor right) {
    return add_nodes(std::move(left), std::move(right));
  });
}

GradientBucket::~GradientBucket() = default;

at::Tensor GradientBucket::take_buffer(const at::Tensor& like) {
  if (spare_.empty()) return at::empty({elements_}, like.options());
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

at::Tensor GradientBucket::add_nodes(at::Tensor left, at::Tensor right) {
  left.add_(right);
  spare_.push_back(std::move(right));
  return left;
}

void GradientBucket::add(int64_t grain, const at::Tensor& gradient) {
  auto buffer = take_buffer(gradient);
  int64_t at = 0;
  for (const auto& range : ranges_) {
    buffer.narrow(0, at, range.count).copy_(gradient.narrow(0, range.offset, range.count));
    at += range.count;
  }
  if (strict_) return fold_->push({0, grain}, std::move(buffer));
  sum_ = sum_.defined() ? add_nodes(std::move(sum_), std::move(buffer)) : std::move(buffer);
}

void GradientBucket::start() {
  if (!strict_) {
    under_way_.push_back(world_.all_reduce(sum_));
    return;
  }
  auto nodes = fold_->take();
  TORCH_INTERNAL_ASSERT(!nodes.empty());
  if (world_.size() > 1) start_strict(nodes);
  sum_ = std::move(nodes.front().second);
  for (size_t i = 1; i < nodes.size(); ++i) spare_.push_back(std::move(nodes[i].second));
}

/// Rank s folds slice s of every node; the slices are gathered. Each rank sends and receives about
/// twice the bucket, as a ring all-reduce does, when its grains make one node.
void GradientBucket::start_strict(const Nodes& nodes) {
  const int64_t world = world_.size(), slice = (elements_ + world - 1) / world;
  const auto num_nodes = static_cast<int64_t>(nodes.size());
  pack(nodes, slice);
  const std::vector<int64_t> send_counts(static_cast<size_t>(world), num_nodes * slice);
  std::vector<int64_t> receive_counts;
  int64_t num_received = 0;
  for (int64_t rank = 0; rank < world; ++rank) {
    const auto [first, last] = owned_leaves(num_grains_, rank, world);
    const auto count = static_cast<int64_t>(maximal_nodes(num_grains_, first, last).size());
    receive_counts.push_back(count * slice);
    num_received += count;
  }
  if (!received_.defined()) {
    received_ = at::empty({num_received, slice}, outgoing_.options());
    slice_sum_ = at::empty({slice}, outgoing_.options());
    gathered_ = at::empty({world * slice}, outgoing_.options());
  }
  under_way_.push_back(world_.all_to_all(outgoing_, send_counts, received_, receive_counts));
  // By value: after an error elsewhere it may run when this bucket is gone.
  under_way_.push_back(
      world_.then([received = received_, sum = slice_sum_, num_grains = num_grains_, world] {
        sum.copy_(fold_received(received, num_grains, world));
      }));
  under_way_.push_back(world_.all_gather(slice_sum_, gathered_));
}

/// This rank's nodes, cut to the slices of all ranks: [ranks, nodes, slice].
void GradientBucket::pack(const Nodes& nodes, int64_t slice) {
  const auto num_nodes = static_cast<int64_t>(nodes.size());
  if (!outgoing_.defined())
    outgoing_ = at::zeros({world_.size(), num_nodes, slice}, nodes.front().second.options());
  for (int64_t to = 0; to < world_.size(); ++to) {
    const int64_t begin = std::min(elements_, to * slice);
    const int64_t count = std::min(slice, elements_ - begin);
    for (int64_t n = 0; n < num_nodes; ++n) {
      const auto& node = nodes[static_cast<size_t>(n)].second;
      outgoing_[to][n].narrow(0, 0, count).copy_(node.narrow(0, begin, count));
    }
  }
}

at::Tensor GradientBucket::finish() {
  for (const auto& ticket : under_way_) ticket.wait();  // the first that failed tells why
  const bool was_exchanged = strict_ && !under_way_.empty();
  under_way_.clear();
  if (was_exchanged) sum_.copy_(gathered_.narrow(0, 0, elements_));
  spare_.push_back(std::exchange(sum_, {}));  // handed out until the next add()
  return spare_.back();
}

}  // namespace nextframe
