// This file is a bucket of which each rank gets the sum of the chunks that it owns.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "trainer/gradients/bucket.h"
#include "trainer/gradients/grain_nodes.h"
#include "trainer/gradients/node_exchange.h"
#include "trainer/shards/chunk_owners.h"
#include "trainer/shards/rank_groups.h"

namespace nextframe {

/// strict: the fixed tree over grains; each rank sends its finished nodes, cut by owner. fast: the
/// library's reduce-scatter of each rank's running sum. On two levels a node's ranks are the
/// owners, and what they have summed is summed across nodes.
class ShardBucket final : public Bucket {
 public:
  /// `ranges` of the flat gradient are whole tensors; `owners` are the ranks of groups.nearest().
  ShardBucket(const RankGroups& groups, int64_t num_grains, bool strict,
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
  void exchange_across();
  int64_t mine() const { return slice_elements_[static_cast<size_t>(groups_.nearest().rank())]; }

  RankGroups groups_;
  bool strict_;
  GrainNodes grains_;
  NodeExchange nearest_;                        // among the node's ranks, or all
  std::optional<NodeExchange> across_;          // of two levels
  std::vector<std::vector<FlatRange>> slices_;  // of the bucket, by owner
  std::vector<int64_t> slice_elements_;
  int64_t most_elements_ = 0;      // of a slice
  std::vector<FlatRange> places_;  // of this rank's slice in its packed buffer
  at::Tensor outgoing_, received_, received_across_;
  at::Tensor sums_;  // of this rank's slice, a row a node of what the nearest ranks make; the first
                     // becomes that of all
  std::vector<Ticket> under_way_;
};

}  // namespace nextframe
