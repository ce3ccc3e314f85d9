#include "trainer/parallel/ddp_bucket.h"

#include "kernels/torch.h"

namespace nextframe {
namespace {

// On the CPU a bucket is sent in pieces that fit in the cache.
constexpr int64_t kPieceElements = int64_t{1} << 20;

int64_t padded_to_slices(int64_t elements, int64_t world_size) {
  const int64_t unit = world_size * kAlignElements;
  return (elements + unit - 1) / unit * unit;
}

}  // namespace

DdpBucket::DdpBucket(const ProcessGroups& groups, int64_t num_grains, bool strict,
                     std::vector<FlatRange> ranges)
    : groups_(groups),
      elements_(num_elements(ranges)),
      padded_elements_(padded_to_slices(elements_, groups.all.size())),
      strict_(strict),
      grains_(num_grains, strict, std::move(ranges), padded_elements_),
      in_group_(tree_reduce_in_group(groups, num_grains)),
      across_nodes_(tree_reduce_across_nodes(groups, num_grains)) {}

void DdpBucket::add(int64_t grain, const at::Tensor& gradient) { grains_.add(grain, gradient); }

void DdpBucket::start() {
  auto nodes = grains_.take();
  sum_ = nodes.front().second;
  if (!strict_) {
    in_flight_.push_back(groups_.all.all_reduce(sum_.narrow(0, 0, elements_)));
  } else if (groups_.all.size() > 1) {
    start_strict(nodes);
  }
  for (size_t i = 1; i < nodes.size(); ++i) grains_.give_back(std::move(nodes[i].second));
}

/// Reduce-scatter, then all-gather: rank s adds up slice s, and the slices are gathered in place,
/// without copies. If its grains add up to one node, each rank sends and receives about twice the
/// bucket, as in a ring all-reduce. On two levels, sums cross nodes in between.
void DdpBucket::start_strict(const Nodes& nodes) {
  const int64_t unit = groups_.all.size() * kAlignElements;
  const bool is_cpu = nodes.front().second.is_cpu();
  const int64_t piece = is_cpu ? std::max(unit, kPieceElements / unit * unit) : padded_elements_;
  if (!received_.defined()) allocate(nodes.front().second, std::min(piece, padded_elements_));
  for (int64_t begin = 0; begin < padded_elements_; begin += piece)
    exchange_piece(nodes, begin, std::min(piece, padded_elements_ - begin));
}

void DdpBucket::allocate(const at::Tensor& like, int64_t piece) {
  const int64_t ranks = groups_.shard_group().size();
  received_ = at::empty({in_group_.num_received_nodes(), piece / ranks}, like.options());
  if (!across_nodes_) return;
  received_across_ =
      at::empty({across_nodes_->num_received_nodes(), piece / groups_.all.size()}, like.options());
  const auto num_sums = static_cast<int64_t>(in_group_.result().size());
  if (num_sums > 1) node_sums_ = at::empty({num_sums, padded_elements_ / ranks}, like.options());
}

void DdpBucket::exchange_piece(const Nodes& nodes, int64_t begin, int64_t count) {
  auto& group = groups_.shard_group();
  const auto part_of = [&](size_t node, int64_t to) {
    return equal_part(nodes[node].second.narrow(0, begin, count), to, group.size());
  };
  const auto slice = part_of(0, group.rank());
  std::vector<at::Tensor> sums = {slice};
  if (node_sums_.defined()) {  // one for each piece, since the next piece is added up while this
                               // one travels
    sums.clear();
    for (int64_t row = 0; row < node_sums_.size(0); ++row)
      sums.push_back(node_sums_[row].narrow(0, begin / group.size(), slice.numel()));
  }
  in_group_.start(part_of, received_, sums, in_flight_);
  if (across_nodes_) reduce_across_nodes(sums, slice);
  auto& back = across_nodes_ ? groups_.gather : group;
  in_flight_.push_back(back.all_gather(slice, nodes.front().second.narrow(0, begin, count)));
}

/// All-reduces across nodes what this node's ranks have added up of this rank's slice.
void DdpBucket::reduce_across_nodes(const std::vector<at::Tensor>& sums, const at::Tensor& slice) {
  across_nodes_->start_all_reduce(sums, received_across_, slice, in_flight_);
  in_flight_.push_back(after(groups_.gather, {in_flight_.back()}));
}

at::Tensor DdpBucket::finish() {
  for (const auto& ticket : in_flight_) ticket.wait();  // throws the first error
  in_flight_.clear();
  const auto result = sum_.narrow(0, 0, elements_);
  grains_.give_back(std::exchange(sum_, {}));  // handed out until the next add()
  return result;
}

int64_t DdpBucket::bytes() const {
  return bytes_of({sum_, received_, received_across_, node_sums_}) + grains_.spare_bytes();
}

}  // namespace nextframe
