// DDP: a gradient bucket that is all-reduced, so that every rank gets the whole sum.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "trainer/parallel/gradient_accumulation.h"
#include "trainer/parallel/gradient_buckets.h"
#include "trainer/parallel/process_groups.h"
#include "trainer/parallel/tree_reduce.h"

namespace nextframe {

class DdpBucket final : public Bucket {
 public:
  /// strict: adds in the order of the fixed tree over grains. Where `groups` has two levels, the
  /// ranks of a node add up what they can, and only those sums travel to other nodes. Else: the
  /// library's all-reduce of each rank's running sum.
  DdpBucket(const ProcessGroups& groups, int64_t num_grains, bool strict,
            std::vector<FlatRange> ranges);

  void add(int64_t grain, const at::Tensor& gradient) override;
  void start() override;
  at::Tensor finish() override;
  const std::vector<FlatRange>& places() const override { return grains_.ranges(); }
  int64_t bytes() const override;

 private:
  using Nodes = GradientAccumulator::Nodes;

  void start_strict(const Nodes& nodes);
  void allocate(const at::Tensor& like, int64_t piece);
  void exchange_piece(const Nodes& nodes, int64_t begin, int64_t count);
  void reduce_across_nodes(const std::vector<at::Tensor>& sums, const at::Tensor& slice);

  ProcessGroups groups_;
  int64_t elements_;
  int64_t padded_elements_;  // of a buffer, so that all ranks get equal slices
  bool strict_;
  GradientAccumulator grains_;
  TreeReduce in_group_;
  std::optional<TreeReduce> across_nodes_;  // on two levels
  at::Tensor sum_;                          // first this rank's, then the sum over all
  at::Tensor received_, received_across_;   // other ranks' nodes, this rank's slice of a piece
  at::Tensor node_sums_;  // what this node adds up to, where that is more than one tree node
  std::vector<Ticket> in_flight_;
};

}  // namespace nextframe
