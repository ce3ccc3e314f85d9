#include "trainer/parallel/tree_reduce.h"

#include <algorithm>

#include "kernels/torch.h"

namespace nextframe {

namespace {

int64_t first_leaf(const TreeNode& node) { return node.index << node.level; }

/// What each of the ranks [begin, end) of `num_ranks` finishes alone of its stretch of the grains.
std::vector<std::vector<TreeNode>> nodes_by_stretch(int64_t num_grains, int64_t begin, int64_t end,
                                                    int64_t num_ranks) {
  std::vector<std::vector<TreeNode>> nodes;
  for (int64_t rank = begin; rank < end; ++rank) {
    const auto [first, last] = owned_leaves(num_grains, rank, num_ranks);
    nodes.push_back(maximal_nodes(num_grains, first, last));
  }
  return nodes;
}

/// Rows by the tree into `sums`, one a result; the last addition of each writes it where it
/// belongs. The additions of a result come before those of the next one, since rows come in the
/// tree's order.
void fold_rows(const std::vector<TreeNode>& nodes, const std::vector<at::Tensor>& rows,
               int64_t num_grains, std::vector<int64_t> additions, std::vector<at::Tensor> sums) {
  size_t now = 0;
  auto fold = make_tree_fold<at::Tensor>(num_grains, [&](at::Tensor left, const at::Tensor& right) {
    while (additions[now] == 0) ++now;
    return --additions[now] > 0 ? left.add_(right) : at::add_out(sums[now], left, right);
  });
  for (size_t i = 0; i < rows.size(); ++i) fold.push(nodes[i], rows[i]);
  const auto results = fold.take();
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto& result = results[i].second;
    if (result.const_data_ptr() != sums[i].const_data_ptr()) sums[i].copy_(result);
  }
}

}  // namespace

TreeReduce::TreeReduce(Communicator& group, int64_t num_grains,
                       const std::vector<std::vector<TreeNode>>& nodes_of)
    : group_(group), num_grains_(num_grains) {
  for (size_t owner = 0; owner < nodes_of.size(); ++owner) {
    for (size_t index = 0; index < nodes_of[owner].size(); ++index)
      inputs_.push_back({nodes_of[owner][index], static_cast<int64_t>(owner), index});
  }
  std::sort(inputs_.begin(), inputs_.end(), [](const Input& left, const Input& right) {
    return first_leaf(left.node) < first_leaf(right.node);
  });
  auto fold = make_tree_fold<int64_t>(num_grains, [](int64_t left, int64_t right) {
    return left + right + 1;  // additions
  });
  for (const auto& input : inputs_) {
    fold.push(input.node, 0);
    num_received_nodes_ += input.owner != group.rank() ? 1 : 0;
  }
  for (const auto& [node, additions] : fold.take()) {
    result_.push_back(node);
    additions_.push_back(additions);
  }
}

void TreeReduce::start(const PartOf& part_of, const at::Tensor& received,
                       const std::vector<at::Tensor>& sums, std::vector<Ticket>& tickets) const {
  const int64_t size = group_.size(), rank = group_.rank();
  const auto num_own =
      static_cast<size_t>(static_cast<int64_t>(inputs_.size()) - num_received_nodes_);
  std::vector<Parcel> outgoing, incoming;
  for (int64_t step = 1; step < size; ++step) {  // all ranks begin with another peer
    const int64_t to = (rank + step) % size;
    for (size_t index = 0; index < num_own; ++index) outgoing.push_back({to, part_of(index, to)});
  }
  std::vector<TreeNode> nodes;
  std::vector<at::Tensor> rows;
  for (const auto& input : inputs_) {
    nodes.push_back(input.node);
    if (input.owner == rank) {
      rows.push_back(part_of(input.index, rank));
      continue;
    }
    const auto row = received[static_cast<int64_t>(incoming.size())];
    rows.push_back(row.narrow(0, 0, sums.front().numel()));
    incoming.push_back({input.owner, rows.back()});
  }
  tickets.push_back(group_.exchange(outgoing, incoming));
  // By value: after an error elsewhere it may run when this object is gone.
  tickets.push_back(
      group_.then([nodes, rows, sums, additions = additions_, num_grains = num_grains_] {
        fold_rows(nodes, rows, num_grains, additions, sums);
      }));
}

void TreeReduce::start_all_reduce(const std::vector<at::Tensor>& nodes, const at::Tensor& received,
                                  const at::Tensor& whole, std::vector<Ticket>& tickets) const {
  const auto mine = equal_part(whole, group_.rank(), group_.size());
  tickets.push_back(after(group_, {tickets.back()}));
  start([&](size_t node, int64_t to) { return equal_part(nodes[node], to, group_.size()); },
        received, {mine}, tickets);
  tickets.push_back(group_.all_gather(mine, whole));
}

at::Tensor equal_part(const at::Tensor& whole, int64_t index, int64_t count) {
  const int64_t elements = whole.numel() / count;
  return whole.narrow(0, index * elements, elements);
}

TreeReduce tree_reduce_in_group(const ProcessGroups& groups, int64_t num_grains) {
  const int64_t ranks = groups.shard_group().size(), first = groups.node() * ranks;
  const auto nodes = nodes_by_stretch(num_grains, first, first + ranks, groups.all.size());
  return {groups.shard_group(), num_grains, nodes};
}

std::optional<TreeReduce> tree_reduce_across_nodes(const ProcessGroups& groups,
                                                   int64_t num_grains) {
  if (!groups.has_two_levels()) return std::nullopt;
  const int64_t nodes = groups.num_nodes();
  return TreeReduce(*groups.inter_node, num_grains, nodes_by_stretch(num_grains, 0, nodes, nodes));
}

Ticket after(Communicator& group, std::vector<Ticket> tickets) {
  return group.then([tickets = std::move(tickets)] {
    for (const auto& ticket : tickets) ticket.wait();
  });
}

}  // namespace nextframe
