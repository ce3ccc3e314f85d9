#include "trainer/parallel/zero1_bucket.h"

#include <algorithm>

#include "kernels/torch.h"

namespace nextframe {

Zero1Bucket::Zero1Bucket(const ProcessGroups& groups, int64_t num_grains, bool strict,
                         const std::vector<FlatRange>& ranges, const ChunkOwners& owners)
    : groups_(groups),
      strict_(strict),
      grains_(num_grains, strict, ranges, num_elements(ranges)),
      in_group_(tree_reduce_in_group(groups, num_grains)),
      across_nodes_(tree_reduce_across_nodes(groups, num_grains)) {
  const auto& group = groups.shard_group();
  TORCH_INTERNAL_ASSERT(owners.num_ranks() == group.size());
  for (int64_t rank = 0; rank < group.size(); ++rank) {
    slices_.emplace_back();
    slice_elements_.push_back(0);
    int64_t at = 0;  // of a range in the bucket
    for (const auto& range : grains_.ranges()) {
      for (const auto& span : owners.spans(rank)) {
        const int64_t inside = span.flat_offset - range.offset;
        if (inside < 0 || inside >= range.count) continue;
        slices_.back().push_back({at + inside, span.count});
        slice_elements_.back() += span.count;
        if (rank == group.rank()) places_.push_back({span.offset, span.count});
      }
      at += range.count;
    }
    slice_elements_.back() =
        std::max<int64_t>(slice_elements_.back(), 1);  // messages are never empty
    most_elements_ = std::max(most_elements_, slice_elements_.back());
  }
}

void Zero1Bucket::add(int64_t grain, const at::Tensor& gradient) { grains_.add(grain, gradient); }

void Zero1Bucket::start() {
  const auto nodes = grains_.take();
  strict_ ? start_strict(nodes) : start_fast(nodes);
  grains_.drop_buffers();  // what is sent is a copy, cut by owner
}

void Zero1Bucket::start_fast(const Nodes& nodes) {
  pack(nodes, /*padded=*/true);
  if (!sums_.defined()) sums_ = at::empty({1, most_elements_}, outgoing_.options());
  in_flight_.push_back(groups_.shard_group().reduce_scatter(outgoing_, sums_[0]));
  if (!across_nodes_) return;
  in_flight_.push_back(after(*groups_.inter_node, {in_flight_.back()}));
  in_flight_.push_back(groups_.inter_node->all_reduce(sums_[0]));
}

/// A rank sends about as many bytes as the bucket has, if its grains add up to one node.
void Zero1Bucket::start_strict(const Nodes& nodes) {
  pack(nodes, /*padded=*/false);
  if (!sums_.defined()) {
    const auto rows = static_cast<int64_t>(in_group_.result().size());
    const int64_t unit = groups_.num_nodes();
    // Equally long for every owner, so that all nodes make the same calls.
    const int64_t columns =
        across_nodes_ ? (most_elements_ + unit - 1) / unit * unit : own_elements();
    sums_ = at::empty({rows, columns}, outgoing_.options());
  }
  received_ = at::empty({in_group_.num_received_nodes(), own_elements()}, outgoing_.options());
  std::vector<at::Tensor> sums;
  for (int64_t row = 0; row < sums_.size(0); ++row)
    sums.push_back(sums_[row].narrow(0, 0, own_elements()));
  const auto num_nodes = static_cast<int64_t>(nodes.size());
  std::vector<int64_t> begins(1, 0);  // of each owner's parts in outgoing_
  for (const int64_t elements : slice_elements_)
    begins.push_back(begins.back() + num_nodes * elements);
  const auto part_of = [&](size_t node, int64_t to) {
    const int64_t elements = slice_elements_[static_cast<size_t>(to)];
    const int64_t begin = begins[static_cast<size_t>(to)] + static_cast<int64_t>(node) * elements;
    return outgoing_.narrow(0, begin, elements);
  };
  in_group_.start(part_of, received_, sums, in_flight_);
  if (across_nodes_) reduce_across_nodes();
}

/// All-reduces across nodes what this rank owns.
void Zero1Bucket::reduce_across_nodes() {
  const int64_t elements = sums_.size(1) / groups_.num_nodes();
  received_across_ = at::empty({across_nodes_->num_received_nodes(), elements}, sums_.options());
  across_nodes_->start_all_reduce(sums_.unbind(0), received_across_, sums_[0], in_flight_);
}

/// Copies this rank's nodes to outgoing_, cut into slices: by owner, then by node.
void Zero1Bucket::pack(const Nodes& nodes, bool padded) {
  const auto num_nodes = static_cast<int64_t>(nodes.size());
  int64_t elements = 0;
  for (const int64_t slice : slice_elements_)
    elements += num_nodes * (padded ? most_elements_ : slice);
  outgoing_ = at::zeros({elements}, nodes.front().second.options());
  int64_t at = 0;
  for (size_t to = 0; to < slices_.size(); ++to) {
    if (padded) at = static_cast<int64_t>(to) * most_elements_;
    for (const auto& [node, values] : nodes) {
      for (const auto& part : slices_[to]) {
        outgoing_.narrow(0, at, part.count).copy_(values.narrow(0, part.offset, part.count));
        at += part.count;
      }
      if (slices_[to].empty()) ++at;
    }
  }
}

void Zero1Bucket::wait_and_free() {
  for (const auto& ticket : in_flight_) ticket.wait();  // throws the first error
  in_flight_.clear();
  outgoing_.reset();
  received_.reset();
  received_across_.reset();
}

at::Tensor Zero1Bucket::finish() {
  wait_and_free();
  return sums_[0].narrow(0, 0, own_elements());
}

int64_t Zero1Bucket::bytes() const {
  return bytes_of({outgoing_, received_, received_across_, sums_}) + grains_.spare_bytes();
}

}  // namespace nextframe
