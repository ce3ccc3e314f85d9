// This file is a bucket of which each rank gets the sum of the chunks that it owns.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/base/fixed_tree.h"
#include "launch/communicator.h"
#include "trainer/bucket.h"
#include "trainer/chunk_owners.h"
#include "trainer/grain_nodes.h"

namespace nextframe {

/// strict: the fixed tree over grains; each rank sends its finished nodes, cut by owner. fast: the
/// library's reduce-scatter of each rank's running sum.
class ShardBucket final : public Bucket {
 public:
  /// `ranges` of the flat gradient are whole tensors.
  ShardBucket(Communicator& world, int64_t num_grains, bool strict,
              const std::vector<FlatRange>& ranges, const ChunkOwners& owners);

  void add(int64_t grain, const at::Tensor& gradient) override;
  void start() override;
  void settle() override;
  at::Tensor finish() override;
  const std::vector<FlatRange>& places() const override { return places_; }
  int64_t bytes() const override;

 private:
  using Nodes = GrainNodes::Nodes;

  void start_strict(const Nodes& nodes);
  void start_fast(const Nodes& nodes);
  void pack(const Nodes& nodes, bool padded);
  int64_t mine() const { return slice_elements_[static_cast<size_t>(world_.rank())]; }

  Communicator& world_;
  int64_t num_grains_;
  bool strict_;
  GrainNodes grains_;
  std::vector<std::vector<FlatRange>> slices_;  // of the bucket, by owner
  std::vector<int64_t> slice_elements_;
  int64_t most_elements_ = 0;      // of a slice
  std::vector<FlatRange> places_;  // of this rank's slice in its packed buffer
  at::Tensor outgoing_, received_, slice_sum_;
  std::vector<Ticket> under_way_;
};

}  // namespace nextframe
