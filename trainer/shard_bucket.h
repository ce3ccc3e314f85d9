// This file is a bucket of which each rank gets the sum of the chunks that it owns.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "kernels/base/fixed_tree.h"
#include "launch/communicator.h"
#include "trainer/bucket.h"
#include "trainer/chunk_owners.h"

namespace nextframe {

/// strict: the fixed tree over grains; each rank sends its finished nodes, cut by owner. fast: the
/// library's reduce-scatter of each rank's running sum.
class ShardBucket final : public Bucket {
 public:
  /// `ranges` of the flat gradient are whole tensors.
  ShardBucket(Communicator& world, int64_t num_grains, bool strict, std::vector<FlatRange> ranges,
              const ChunkOwners& owners);
  ~ShardBucket() override;
  ShardBucket(const ShardBucket&) = delete;
  ShardBucket& operator=(const ShardBucket&) = delete;

  void add(int64_t grain, const at::Tensor& gradient) override;
  void start() override;
  void settle() override;
  at::Tensor finish() override;
  const std::vector<FlatRange>& places() const override { return places_; }
  int64_t bytes() const override;

 private:
  using Nodes = std::vector<std::pair<TreeNode, at::Tensor>>;
  struct Fold;

  at::Tensor take_buffer(const at::Tensor& like);
  at::Tensor add_nodes(at::Tensor left, at::Tensor right);
  void start_strict(const Nodes& nodes);
  void start_fast();
  void pack(const Nodes& nodes, bool padded);
  int64_t mine() const { return slice_elements_[static_cast<size_t>(world_.rank())]; }

  Communicator& world_;
  int64_t num_grains_, elements_ = 0;
  bool strict_;
  std::vector<FlatRange> ranges_;               // of the flat gradient
  std::vector<std::vector<FlatRange>> slices_;  // of the bucket, by owner
  std::vector<int64_t> slice_elements_;
  int64_t most_elements_ = 0;      // of a slice
  std::vector<FlatRange> places_;  // of this rank's slice in its packed buffer
  std::unique_ptr<Fold> fold_;
  std::vector<at::Tensor> spare_;  // of earlier steps, used again
  at::Tensor sum_;                 // of this rank's grains, where not strict
  at::Tensor outgoing_, received_, slice_sum_;
  std::vector<Ticket> under_way_;
};

}  // namespace nextframe
