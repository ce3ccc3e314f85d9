#include "trainer/parallel/zero2_bucket.h"

#include <algorithm>
#include <atomic>
#include <functional>

#include "kernels/torch.h"

namespace nextframe {
namespace {

using AddGradients = std::function<at::Tensor(at::Tensor, const at::Tensor&)>;

}  // namespace

/// What this rank has summed so far. Between start() and finish() only the communicator's thread
/// touches it.
struct Zero2Bucket::Sum {
  Sum(int64_t num_grains, int64_t first)
      : first_grain(first), fold(num_grains, [this](at::Tensor left, const at::Tensor& right) {
          if (right.use_count() == 1) bytes -= bytes_of(right);  // else a row of the round's buffer
          return left.add_(right);
        }) {}

  /// Copies a left leaf, since it outlives the round's buffer. A right leaf is added to its sibling
  /// at once, unless another node has that.
  void push(int64_t grain, const at::Tensor& leaf) {
    const bool is_kept = grain % 2 == 0 || grain == first_grain;
    if (is_kept) bytes += bytes_of(leaf);
    fold.push({0, grain}, is_kept ? leaf.clone() : leaf);
  }

  /// The sums so far; begins the next step.
  std::vector<at::Tensor> take() {
    std::vector<at::Tensor> sums;
    for (auto& [node, values] : fold.take()) sums.push_back(std::move(values));
    if (running.defined()) sums.push_back(std::exchange(running, {}));
    bytes = 0;
    return sums;
  }

  const int64_t first_grain;  // of this node of the job
  TreeFold<at::Tensor, AddGradients> fold;
  at::Tensor running;  // fast
  std::atomic<int64_t> bytes = 0;
};

Zero2Bucket::Zero2Bucket(const ProcessGroups& groups, const GrainOwners& grains, bool strict,
                         const ChunkOwners& owners, const FlatParameters& parameters,
                         std::vector<int64_t> tensors)
    : groups_(groups),
      grains_(grains),
      strict_(strict),
      parameters_(parameters),
      tensors_(std::move(tensors)),
      slices_(static_cast<size_t>(groups.shard_group().size())),
      elements_(slices_.size()),
      across_nodes_(tree_reduce_across_nodes(groups, grains.num_grains)),
      sum_(std::make_shared<Sum>(grains.num_grains, grains.node_grains(groups.node()).first)) {
  std::vector<int64_t> place(parameters.layout().size(), -1);  // of a tensor in tensors_
  for (size_t i = 0; i < tensors_.size(); ++i)
    place[static_cast<size_t>(tensors_[i])] = static_cast<int64_t>(i);
  for (size_t rank = 0; rank < slices_.size(); ++rank) {
    for (const auto& span : owners.spans(static_cast<int64_t>(rank))) {
      const int64_t tensor = place[static_cast<size_t>(span.tensor)];
      if (tensor < 0) continue;
      slices_[rank].push_back(
          {static_cast<size_t>(tensor), span.first, span.count, elements_[rank], span.offset});
      elements_[rank] += span.count;
    }
    elements_[rank] = std::max<int64_t>(elements_[rank], 1);  // messages are never empty
  }
  most_elements_ = *std::max_element(elements_.begin(), elements_.end());
}

Zero2Bucket::~Zero2Bucket() = default;

void Zero2Bucket::start(int64_t round, bool has_grain) {
  if (strict_) {
    start_strict(round, has_grain);
  } else {
    pack(has_grain, /*padded=*/true);
    start_fast();
  }
  if (across_nodes_ && round + 1 == grains_.num_rounds()) reduce_across_nodes();
  for (const int64_t tensor : tensors_)
    parameters_.parameters()[static_cast<size_t>(tensor)].mutable_grad().reset();
}

void Zero2Bucket::start_strict(int64_t round, bool has_grain) {
  auto& group = groups_.shard_group();
  const int64_t first_rank = groups_.node() * group.size();
  pack(has_grain, /*padded=*/false);
  std::vector<int64_t> send_counts(slices_.size(), 0), receive_counts(slices_.size(), 0);
  if (has_grain) send_counts = elements_;
  std::vector<int64_t> grains;
  for (int64_t place = 0; place < group.size(); ++place) {
    if (round >= grains_.count(first_rank + place)) continue;
    receive_counts[static_cast<size_t>(place)] = own_elements();
    grains.push_back(grains_.grain(first_rank + place, round));
  }
  received_ = at::empty({static_cast<int64_t>(grains.size()), own_elements()}, outgoing_.options());
  tickets_.push_back(group.all_to_all(outgoing_, send_counts, received_, receive_counts));
  // By value: after an error elsewhere it may run when this bucket is gone.
  tickets_.push_back(group.then([sum = sum_, received = received_, grains] {
    for (size_t row = 0; row < grains.size(); ++row)
      sum->push(grains[row], received[static_cast<int64_t>(row)]);
  }));
}

void Zero2Bucket::start_fast() {
  received_ = at::empty({most_elements_}, outgoing_.options());
  tickets_.push_back(groups_.shard_group().reduce_scatter(outgoing_, received_));
  tickets_.push_back(groups_.shard_group().then([sum = sum_, received = received_] {
    if (!sum->running.defined()) {
      sum->running = at::zeros_like(received);
      sum->bytes += bytes_of(received);
    }
    sum->running.add_(received);
  }));
}

/// All-reduces across nodes what this rank owns.
void Zero2Bucket::reduce_across_nodes() {
  auto& across = *groups_.inter_node;
  const auto [first, last] = grains_.node_grains(groups_.node());
  const int64_t rows =
      strict_ ? static_cast<int64_t>(maximal_nodes(grains_.num_grains, first, last).size()) : 1;
  // Equally long for every owner, so that all nodes make the same calls.
  const int64_t part = (most_elements_ + across.size() - 1) / across.size();
  node_sums_ = at::empty({rows, part * across.size()}, outgoing_.options());
  tickets_.push_back(groups_.shard_group().then([sum = sum_, rows = node_sums_] {
    const auto sums = sum->take();
    TORCH_INTERNAL_ASSERT(static_cast<int64_t>(sums.size()) == rows.size(0));
    for (size_t row = 0; row < sums.size(); ++row)
      rows[static_cast<int64_t>(row)].narrow(0, 0, sums[row].numel()).copy_(sums[row]);
  }));
  if (!strict_) {
    tickets_.push_back(after(across, {tickets_.back()}));
    return tickets_.push_back(across.all_reduce(node_sums_[0]));
  }
  received_across_ = at::empty({across_nodes_->num_received_nodes(), part}, outgoing_.options());
  across_nodes_->start_all_reduce(node_sums_.unbind(0), received_across_, node_sums_[0], tickets_);
}

/// Copies this rank's gradients to outgoing_, by owner. A parameter without a gradient sends zeros.
/// Adding to zeros, as DDP does with its cleared buffer, turns -0 into 0: the bits stay the same.
void Zero2Bucket::pack(bool has_grain, bool padded) {
  const auto options = parameters_.parameters().front().options().requires_grad(false);
  int64_t total = 0;
  for (const int64_t elements : elements_) total += padded ? most_elements_ : elements;
  outgoing_ = at::zeros({has_grain || padded ? total : 0}, options);
  if (!has_grain) return;
  std::vector<at::Tensor> gradients;
  for (const int64_t tensor : tensors_) {
    const auto& gradient = parameters_.parameters()[static_cast<size_t>(tensor)].grad();
    gradients.push_back(gradient.defined() ? gradient.reshape({-1}) : gradient);
  }
  int64_t begin = 0;
  for (size_t rank = 0; rank < slices_.size(); ++rank) {
    for (const auto& piece : slices_[rank]) {
      if (!gradients[piece.tensor].defined()) continue;
      outgoing_.narrow(0, begin + piece.at, piece.count)
          .add_(gradients[piece.tensor].narrow(0, piece.first, piece.count));
    }
    begin += padded ? most_elements_ : elements_[rank];
  }
}

void Zero2Bucket::finish() {
  for (const auto& ticket : tickets_) ticket.wait();  // throws the first error
  tickets_.clear();
  outgoing_.reset();
  received_.reset();
  received_across_.reset();
}

void Zero2Bucket::take_sum(const at::Tensor& packed) {
  const auto sums = across_nodes_ ? node_sums_.unbind(0) : sum_->take();
  TORCH_INTERNAL_ASSERT(across_nodes_ || sums.size() == 1, "a step without all of its grains");
  for (const auto& piece : slices_[static_cast<size_t>(groups_.shard_group().rank())]) {
    packed.narrow(0, piece.packed_offset, piece.count)
        .copy_(sums.front().narrow(0, piece.at, piece.count));
  }
  node_sums_.reset();
}

int64_t Zero2Bucket::bytes() const {
  return bytes_of({outgoing_, received_, received_across_, node_sums_}) + sum_->bytes;
}

}  // namespace nextframe
