#include "trainer/gradients/gradient_bucket.h"

#include "kernels/torch.h"
#include "trainer/gradients/flat_parameters.h"
#include "trainer/gradients/tensor_bytes.h"

namespace nextframe {
namespace {

// On the CPU the exchange goes in pieces that stay in the cache from receiving to gathering.
constexpr int64_t kPieceElements = int64_t{1} << 20;

int64_t padded(int64_t elements, int64_t world_size) {
  const int64_t unit = world_size * kAlignElements;
  return (elements + unit - 1) / unit * unit;
}

}  // namespace

GradientBucket::GradientBucket(const RankGroups& groups, int64_t num_grains, bool strict,
                               std::vector<FlatRange> ranges)
    : groups_(groups),
      elements_(num_elements(ranges)),
      padded_elements_(padded(elements_, groups.all.size())),
      strict_(strict),
      grains_(num_grains, strict, std::move(ranges), padded_elements_),
      nearest_(nearest_exchange(groups, num_grains)),
      across_(exchange_across_nodes(groups, num_grains)) {}

void GradientBucket::add(int64_t grain, const at::Tensor& gradient) {
  grains_.add(grain, gradient);
}

void GradientBucket::start() {
  auto nodes = grains_.take();
  sum_ = nodes.front().second;
  if (!strict_) {
    under_way_.push_back(groups_.all.all_reduce(sum_.narrow(0, 0, elements_)));
  } else if (groups_.all.size() > 1) {
    start_strict(nodes);
  }
  for (size_t i = 1; i < nodes.size(); ++i) grains_.give_back(std::move(nodes[i].second));
}

/// Rank s folds slice s of every node, and the slices are gathered, each in its place: nothing is
/// copied. Each rank sends and receives about twice the bucket, as a ring all-reduce does, when its
/// grains make one node. On two levels the slice is folded among the nodes in between.
void GradientBucket::start_strict(const Nodes& nodes) {
  const int64_t unit = groups_.all.size() * kAlignElements;
  const bool is_cpu = nodes.front().second.is_cpu();
  const int64_t piece = is_cpu ? std::max(unit, kPieceElements / unit * unit) : padded_elements_;
  if (!received_.defined()) allocate(nodes.front().second, std::min(piece, padded_elements_));
  for (int64_t begin = 0; begin < padded_elements_; begin += piece)
    exchange_piece(nodes, begin, std::min(piece, padded_elements_ - begin));
}

void GradientBucket::allocate(const at::Tensor& like, int64_t piece) {
  const int64_t ranks = groups_.nearest().size();
  received_ = at::empty({nearest_.num_received(), piece / ranks}, like.options());
  if (!across_) return;
  received_across_ =
      at::empty({across_->num_received(), piece / groups_.all.size()}, like.options());
  const auto num_sums = static_cast<int64_t>(nearest_.result().size());
  if (num_sums > 1) node_sums_ = at::empty({num_sums, padded_elements_ / ranks}, like.options());
}

void GradientBucket::exchange_piece(const Nodes& nodes, int64_t begin, int64_t count) {
  auto& group = groups_.nearest();
  const auto part_of = [&](size_t node, int64_t to) {
    return equal_part(nodes[node].second.narrow(0, begin, count), to, group.size());
  };
  const auto slice = part_of(0, group.rank());
  std::vector<at::Tensor> sums = {slice};
  if (node_sums_.defined()) {  // a piece has its own: the next one is folded while this one travels
    sums.clear();
    for (int64_t row = 0; row < node_sums_.size(0); ++row)
      sums.push_back(node_sums_[row].narrow(0, begin / group.size(), slice.numel()));
  }
  nearest_.start(part_of, received_, sums, under_way_);
  if (across_) exchange_across(sums, slice);
  auto& back = across_ ? groups_.gathers : group;
  under_way_.push_back(back.all_gather(slice, nodes.front().second.narrow(0, begin, count)));
}

/// What the node's ranks have folded, of this rank's slice, meets that of the other nodes.
void GradientBucket::exchange_across(const std::vector<at::Tensor>& sums, const at::Tensor& slice) {
  across_->start_equal(sums, received_across_, slice, under_way_);
  under_way_.push_back(after(groups_.gathers, {under_way_.back()}));
}

at::Tensor GradientBucket::finish() {
  for (const auto& ticket : under_way_) ticket.wait();  // the first that failed tells why
  under_way_.clear();
  const auto result = sum_.narrow(0, 0, elements_);
  grains_.give_back(std::exchange(sum_, {}));  // handed out until the next add()
  return result;
}

int64_t GradientBucket::bytes() const {
  return bytes_of({sum_, received_, received_across_, node_sums_}) + grains_.spare_bytes();
}

}  // namespace nextframe
