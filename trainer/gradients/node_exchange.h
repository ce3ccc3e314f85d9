// This file is one level of the strict sum: ranks hold nodes of the tree over grains, and each
// rank gets a slice of what they make together.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <vector>

#include "kernels/base/fixed_tree.h"
#include "launch/communicator.h"
#include "trainer/shards/rank_groups.h"

namespace nextframe {

/// Of tensors nothing is packed or copied: parcels leave from where the nodes lie.
class NodeExchange {
 public:
  /// `nodes_of[r]`: what rank r of `group` puts in, in the tree's order. The group outlives it.
  NodeExchange(Communicator& group, int64_t num_grains,
               const std::vector<std::vector<TreeNode>>& nodes_of);

  /// What all nodes together make: the root alone if they cover all grains.
  const std::vector<TreeNode>& result() const { return result_; }

  /// How many nodes of other ranks this rank gets slices of.
  int64_t num_received() const { return num_received_; }

  /// The slice for rank `to` of this rank's node `index`; its own too.
  using PartOf = std::function<at::Tensor(size_t index, int64_t to)>;

  /// Begins it. `received` has num_received() rows and may be used again by the next call; `sums`
  /// are tensors for this rank's slice of each node of result(). One of them may be this rank's own
  /// part where there is only that one result; no other aliases.
  void start(const PartOf& part_of, const at::Tensor& received, const std::vector<at::Tensor>& sums,
             std::vector<Ticket>& tickets) const;

  /// The same of equal slices, once `tickets` so far are done, and then gathers the slices of what
  /// all nodes together make, which must be one result, into `whole`: one of `nodes`, or apart.
  void start_equal(const std::vector<at::Tensor>& nodes, const at::Tensor& received,
                   const at::Tensor& whole, std::vector<Ticket>& tickets) const;

 private:
  struct Input {
    TreeNode node;
    int64_t owner;
    size_t index;  // among its owner's
  };

  Communicator& group_;
  int64_t num_grains_;
  std::vector<Input> inputs_;  // in the tree's order
  std::vector<TreeNode> result_;
  std::vector<int64_t> additions_;  // that each result takes
  int64_t num_received_ = 0;
};

/// Part `index` of `count` equal ones of a flat tensor.
at::Tensor equal_part(const at::Tensor& whole, int64_t index, int64_t count);

/// Among the ranks of a node, or all where there is one level; each has a stretch of the grains.
NodeExchange nearest_exchange(const RankGroups& groups, int64_t num_grains);

/// Among the ranks at one place, of what their nodes have made; none where there is one level.
std::optional<NodeExchange> exchange_across_nodes(const RankGroups& groups, int64_t num_grains);

/// Lets what `group` is asked for next begin when `tickets` of another group are done.
Ticket after(Communicator& group, std::vector<Ticket> tickets);

}  // namespace nextframe
