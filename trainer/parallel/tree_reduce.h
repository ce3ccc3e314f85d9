// Deterministic reduce-scatter: adds partial sums of ranks in the order of the fixed tree over
// grains, so that the bits do not depend on the number of ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <vector>

#include "kernels/base/fixed_tree.h"
#include "launch/communicator.h"
#include "trainer/parallel/process_groups.h"

namespace nextframe {

/// One level of that sum, within a group: ranks put in nodes of the tree, and each rank gets its
/// slice of what all of them add up to. Slices are sent from where they lie, without a copy.
class TreeReduce {
 public:
  /// `nodes_of[r]`: the nodes that rank r of `group` puts in, in the tree's order. `group` outlives
  /// this.
  TreeReduce(Communicator& group, int64_t num_grains,
             const std::vector<std::vector<TreeNode>>& nodes_of);

  /// The nodes that all inputs add up to: only the root, if they cover all grains.
  const std::vector<TreeNode>& result() const { return result_; }

  /// How many nodes this rank receives a slice of from other ranks.
  int64_t num_received_nodes() const { return num_received_nodes_; }

  /// The slice of this rank's input `index` that belongs to rank `to`, itself included.
  using PartOf = std::function<at::Tensor(size_t index, int64_t to)>;

  /// Begins the reduce-scatter. `received` has num_received_nodes() rows; the next call may reuse
  /// it. `sums` has a tensor for this rank's slice of each node of result(). Where there is only
  /// one result, that may be this rank's own input slice; nothing else may alias.
  void start(const PartOf& part_of, const at::Tensor& received, const std::vector<at::Tensor>& sums,
             std::vector<Ticket>& tickets) const;

  /// Begins an all-reduce of `nodes`, in equal slices, after the last of `tickets` is done. There
  /// must be only one result, which goes to `whole`: a tensor apart or one of `nodes`.
  void start_all_reduce(const std::vector<at::Tensor>& nodes, const at::Tensor& received,
                        const at::Tensor& whole, std::vector<Ticket>& tickets) const;

 private:
  struct Input {
    TreeNode node;
    int64_t owner;
    size_t index;  // among its owner's inputs
  };

  Communicator& group_;
  int64_t num_grains_;
  std::vector<Input> inputs_;  // in the tree's order
  std::vector<TreeNode> result_;
  std::vector<int64_t> additions_;  // how many each result takes
  int64_t num_received_nodes_ = 0;
};

/// Part `index` of `count` equal parts of a flat tensor.
at::Tensor equal_part(const at::Tensor& whole, int64_t index, int64_t count);

/// The sum within groups.shard_group(), where each rank puts in neighbouring grains.
TreeReduce tree_reduce_in_group(const ProcessGroups& groups, int64_t num_grains);

/// The sum across nodes, of what tree_reduce_in_group() has left; empty on one level.
std::optional<TreeReduce> tree_reduce_across_nodes(const ProcessGroups& groups, int64_t num_grains);

/// Holds back what `group` is asked for next until `tickets` of another group are done.
Ticket after(Communicator& group, std::vector<Ticket> tickets);

}  // namespace nextframe
