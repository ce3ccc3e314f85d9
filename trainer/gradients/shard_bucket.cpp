#include "trainer/gradients/shard_bucket.h"

#include <algorithm>

#include "kernels/torch.h"
#include "trainer/gradients/tensor_bytes.h"

namespace nextframe {

ShardBucket::ShardBucket(const RankGroups& groups, int64_t num_grains, bool strict,
                         const std::vector<FlatRange>& ranges, const ChunkOwners& owners)
    : groups_(groups),
      strict_(strict),
      grains_(num_grains, strict, ranges, num_elements(ranges)),
      nearest_(nearest_exchange(groups, num_grains)),
      across_(exchange_across_nodes(groups, num_grains)) {
  const auto& group = groups.nearest();
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
    slice_elements_.back() = std::max<int64_t>(slice_elements_.back(), 1);  // never of nothing
    most_elements_ = std::max(most_elements_, slice_elements_.back());
  }
}

void ShardBucket::add(int64_t grain, const at::Tensor& gradient) { grains_.add(grain, gradient); }

void ShardBucket::start() {
  const auto nodes = grains_.take();
  strict_ ? start_strict(nodes) : start_fast(nodes);
  grains_.drop_buffers();  // what leaves is a copy, cut by owner: the sums are needed no more
}

void ShardBucket::start_fast(const Nodes& nodes) {
  pack(nodes, /*padded=*/true);
  if (!sums_.defined()) sums_ = at::empty({1, most_elements_}, outgoing_.options());
  under_way_.push_back(groups_.nearest().reduce_scatter(outgoing_, sums_[0]));
  if (!across_) return;
  under_way_.push_back(after(*groups_.across, {under_way_.back()}));
  under_way_.push_back(groups_.across->all_reduce(sums_[0]));
}

/// Each rank sends about the bucket when its grains make one node.
void ShardBucket::start_strict(const Nodes& nodes) {
  pack(nodes, /*padded=*/false);
  if (!sums_.defined()) {
    const auto rows = static_cast<int64_t>(nearest_.result().size());
    const int64_t unit = groups_.num_nodes();
    // As long for every owner: ranks of all groups call the same.
    const int64_t columns = across_ ? (most_elements_ + unit - 1) / unit * unit : mine();
    sums_ = at::empty({rows, columns}, outgoing_.options());
  }
  received_ = at::empty({nearest_.num_received(), mine()}, outgoing_.options());
  std::vector<at::Tensor> sums;
  for (int64_t row = 0; row < sums_.size(0); ++row) sums.push_back(sums_[row].narrow(0, 0, mine()));
  const auto num_nodes = static_cast<int64_t>(nodes.size());
  std::vector<int64_t> begins(1, 0);  // of each owner's parts in what is packed
  for (const int64_t elements : slice_elements_)
    begins.push_back(begins.back() + num_nodes * elements);
  const auto part_of = [&](size_t node, int64_t to) {
    const int64_t elements = slice_elements_[static_cast<size_t>(to)];
    const int64_t begin = begins[static_cast<size_t>(to)] + static_cast<int64_t>(node) * elements;
    return outgoing_.narrow(0, begin, elements);
  };
  nearest_.start(part_of, received_, sums, under_way_);
  if (across_) exchange_across();
}

/// What this rank owns, among the nodes: each folds a part of it, and the parts are gathered.
void ShardBucket::exchange_across() {
  const int64_t elements = sums_.size(1) / groups_.num_nodes();
  received_across_ = at::empty({across_->num_received(), elements}, sums_.options());
  across_->start_equal(sums_.unbind(0), received_across_, sums_[0], under_way_);
}

/// This rank's nodes, cut to the slices of all ranks: by owner, then by node.
void ShardBucket::pack(const Nodes& nodes, bool padded) {
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

void ShardBucket::settle() {
  for (const auto& ticket : under_way_) ticket.wait();  // the first that failed tells why
  under_way_.clear();
  outgoing_.reset();
  received_.reset();
  received_across_.reset();
}

at::Tensor ShardBucket::finish() {
  settle();
  return sums_[0].narrow(0, 0, mine());
}

int64_t ShardBucket::bytes() const {
  return bytes_of({outgoing_, received_, received_across_, sums_}) + grains_.spare_bytes();
}

}  // namespace nextframe
