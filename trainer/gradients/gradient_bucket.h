// This file is a bucket of which every rank gets the whole sum.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "trainer/gradients/bucket.h"
#include "trainer/gradients/grain_nodes.h"
#include "trainer/gradients/node_exchange.h"
#include "trainer/shards/rank_groups.h"

namespace nextframe {

class GradientBucket final : public Bucket {
 public:
  /// strict: the fixed tree over grains, on two levels where `groups` has them: the ranks of a node
  /// fold what they can, and only that travels to other nodes. Else the library's all-reduce of
  /// each rank's running sum.
  GradientBucket(const RankGroups& groups, int64_t num_grains, bool strict,
                 std::vector<FlatRange> ranges);

  void add(int64_t grain, const at::Tensor& gradient) override;
  void start() override;
  at::Tensor finish() override;
  const std::vector<FlatRange>& places() const override { return grains_.ranges(); }
  int64_t bytes() const override;

 private:
  using Nodes = GrainNodes::Nodes;

  void start_strict(const Nodes& nodes);
  void allocate(const at::Tensor& like, int64_t piece);
  void exchange_piece(const Nodes& nodes, int64_t begin, int64_t count);
  void exchange_across(const std::vector<at::Tensor>& sums, const at::Tensor& slice);

  RankGroups groups_;
  int64_t elements_;
  int64_t padded_elements_;  // of a buffer, so that ranks get equal slices
  bool strict_;
  GrainNodes grains_;
  NodeExchange nearest_;                   // among the node's ranks, or all
  std::optional<NodeExchange> across_;     // of two levels
  at::Tensor sum_;                         // of this rank, then of all
  at::Tensor received_, received_across_;  // others' nodes of this rank's slice of a piece
  at::Tensor node_sums_;                   // of the node's ranks, where they make more than one
  std::vector<Ticket> under_way_;
};

}  // namespace nextframe
