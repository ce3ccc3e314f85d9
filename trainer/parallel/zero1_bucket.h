// ZeRO-1: a gradient bucket that is reduce-scattered, so that each rank gets the sum of the chunks
// that it owns.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "trainer/parallel/chunk_owners.h"
#include "trainer/parallel/gradient_accumulation.h"
#include "trainer/parallel/gradient_buckets.h"
#include "trainer/parallel/process_groups.h"
#include "trainer/parallel/tree_reduce.h"

namespace nextframe {

/// strict: adds in the order of the fixed tree over grains; each rank sends the nodes that it could
/// finish, cut by owner. fast: the library's reduce-scatter of each rank's running sum. On two
/// levels the ranks of a node are the owners, and their sums are all-reduced across nodes.
class Zero1Bucket final : public Bucket {
 public:
  /// `ranges` of the flat gradient are whole tensors; `owners` are the ranks of
  /// groups.shard_group().
  Zero1Bucket(const ProcessGroups& groups, int64_t num_grains, bool strict,
              const std::vector<FlatRange>& ranges, const ChunkOwners& owners);

  void add(int64_t grain, const at::Tensor& gradient) override;
  void start() override;
  void wait_and_free() override;
  at::Tensor finish() override;
  const std::vector<FlatRange>& places() const override { return places_; }
  int64_t bytes() const override;

 private:
  using Nodes = GradientAccumulator::Nodes;

  void start_strict(const Nodes& nodes);
  void start_fast(const Nodes& nodes);
  void pack(const Nodes& nodes, bool padded);
  void reduce_across_nodes();
  int64_t own_elements() const {
    return slice_elements_[static_cast<size_t>(groups_.shard_group().rank())];
  }

  ProcessGroups groups_;
  bool strict_;
  GradientAccumulator grains_;
  TreeReduce in_group_;
  std::optional<TreeReduce> across_nodes_;      // on two levels
  std::vector<std::vector<FlatRange>> slices_;  // of the bucket, by owner
  std::vector<int64_t> slice_elements_;
  int64_t most_elements_ = 0;      // of the largest slice
  std::vector<FlatRange> places_;  // of this rank's slice in its packed buffer
  at::Tensor outgoing_, received_, received_across_;
  at::Tensor sums_;  // of this rank's slice: a row for each node that the group's sum ends in; the
                     // first row becomes the sum over all ranks
  std::vector<Ticket> in_flight_;
};

}  // namespace nextframe
