#include "trainer/shard_bucket.h"

#include <torch/torch.h>

#include <algorithm>
#include <functional>

namespace nextframe {

using AddNodes = std::function<at::Tensor(at::Tensor, at::Tensor)>;

namespace {

/// The sum of all ranks' nodes; rows of `received` are by rank, then by node.
at::Tensor fold_rows(const at::Tensor& received, const std::vector<TreeNode>& nodes,
                     int64_t num_grains) {
  TreeFold<at::Tensor, AddNodes> fold(
      num_grains, [](at::Tensor left, const at::Tensor& right) { return left.add_(right); });
  for (size_t row = 0; row < nodes.size(); ++row)
    fold.push(nodes[row], received[static_cast<int64_t>(row)]);
  return fold.take().front().second;
}

}  // namespace

ShardBucket::ShardBucket(Communicator& world, int64_t num_grains, bool strict,
                         const std::vector<FlatRange>& ranges, const ChunkOwners& owners)
    : world_(world),
      num_grains_(num_grains),
      strict_(strict),
      grains_(num_grains, strict, ranges, num_elements(ranges)) {
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    slices_.emplace_back();
    slice_elements_.push_back(0);
    int64_t at = 0;  // of a range in the bucket
    for (const auto& range : grains_.ranges()) {
      for (const auto& span : owners.spans(rank)) {
        const int64_t inside = span.flat_offset - range.offset;
        if (inside < 0 || inside >= range.count) continue;
        slices_.back().push_back({at + inside, span.count});
        slice_elements_.back() += span.count;
        if (rank == world_.rank()) places_.push_back({span.offset, span.count});
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
  if (!slice_sum_.defined()) slice_sum_ = at::empty({most_elements_}, outgoing_.options());
  under_way_.push_back(world_.reduce_scatter(outgoing_, slice_sum_));
}

/// Each rank sends about the bucket when its grains make one node.
void ShardBucket::start_strict(const Nodes& nodes) {
  pack(nodes, /*padded=*/false);
  std::vector<int64_t> send_counts, receive_counts;
  std::vector<TreeNode> all_nodes;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    const auto num_nodes = static_cast<int64_t>(nodes.size());
    send_counts.push_back(num_nodes * slice_elements_[static_cast<size_t>(rank)]);
    const auto [first, last] = owned_leaves(num_grains_, rank, world_.size());
    const auto theirs = maximal_nodes(num_grains_, first, last);
    receive_counts.push_back(static_cast<int64_t>(theirs.size()) * mine());
    all_nodes.insert(all_nodes.end(), theirs.begin(), theirs.end());
  }
  const auto rows = static_cast<int64_t>(all_nodes.size());
  received_ = at::empty({rows, mine()}, outgoing_.options());
  if (!slice_sum_.defined()) slice_sum_ = at::empty({mine()}, outgoing_.options());
  under_way_.push_back(world_.all_to_all(outgoing_, send_counts, received_, receive_counts));
  // By value: after an error elsewhere it may run when this bucket is gone.
  under_way_.push_back(
      world_.then([received = received_, sum = slice_sum_, all_nodes, num_grains = num_grains_] {
        sum.copy_(fold_rows(received, all_nodes, num_grains));
      }));
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
}

at::Tensor ShardBucket::finish() {
  settle();
  return slice_sum_.narrow(0, 0, mine());
}

int64_t ShardBucket::bytes() const {
  size_t total = 0;
  for (const auto& tensor : {outgoing_, received_, slice_sum_})
    total += tensor.defined() ? tensor.nbytes() : 0;
  return static_cast<int64_t>(total) + grains_.spare_bytes();
}

}  // namespace nextframe
