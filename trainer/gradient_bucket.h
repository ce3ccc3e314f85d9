// This file is a bucket of which every rank gets the whole sum.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/base/fixed_tree.h"
#include "launch/communicator.h"
#include "trainer/bucket.h"
#include "trainer/grain_nodes.h"

namespace nextframe {

class GradientBucket final : public Bucket {
 public:
  /// strict: the fixed tree over grains; else the library's all-reduce of each rank's running sum.
  GradientBucket(Communicator& world, int64_t num_grains, bool strict,
                 std::vector<FlatRange> ranges);

  void add(int64_t grain, const at::Tensor& gradient) override;
  void start() override;
  at::Tensor finish() override;
  const std::vector<FlatRange>& places() const override { return grains_.ranges(); }
  int64_t bytes() const override;

 private:
  using Nodes = GrainNodes::Nodes;

  void start_strict(const Nodes& nodes);
  void exchange_piece(const Nodes& nodes, int64_t begin, int64_t count);

  Communicator& world_;
  int64_t num_grains_, elements_;
  int64_t padded_elements_;           // of a buffer, so that ranks get equal slices
  std::vector<TreeNode> tree_nodes_;  // that all ranks put in, in the tree's order
  std::vector<int64_t> node_owners_;  // the rank of each
  bool strict_;
  GrainNodes grains_;
  at::Tensor sum_;       // of this rank, then of all
  at::Tensor received_;  // other ranks' nodes of this rank's slice of a piece
  std::vector<Ticket> under_way_;
};

}  // namespace nextframe
