// This file is gradients that are exchanged once a step, while the last grain's backward still
// runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "trainer/gradients/bucket.h"
#include "trainer/gradients/flat_parameters.h"
#include "trainer/gradients/gradient_hooks.h"
#include "trainer/gradients/gradient_sync.h"
#include "trainer/shards/chunk_owners.h"
#include "trainer/shards/rank_groups.h"

namespace nextframe {

/// Sums one flat float32 gradient a grain over all grains of all ranks.
///   strict  a fixed binary tree over grains (kernels/base/fixed_tree.h), whoever owns them
///   fast    the grains of a rank one after another, then the library's all-reduce
/// Each rank owns neighbouring grains.
class StepExchange final : public GradientSync {
 public:
  /// With `owners` among groups.nearest(), which outlive it, each rank gets the sum of what it
  /// owns, packed; else all.
  StepExchange(const RankGroups& groups, int64_t num_grains, bool strict,
               const ChunkOwners* owners = nullptr);

  int64_t first_grain() const { return first_grain_; }  // this rank owns [first, last)
  int64_t last_grain() const { return last_grain_; }

  /// From the second step on, cuts the gradient into buckets in the order in which rank 0's first
  /// backward completed the parameters, and exchanges each as soon as the last owned grain's
  /// backward has completed it. Bits do not change: the tree is over grains, element by element.
  void follow(const FlatParameters& parameters, const BucketBytes& bytes);

  void begin(int64_t grain) override;
  void add(int64_t grain, const at::Tensor& gradient) override;
  at::Tensor finish() override;

  int64_t gradient_bytes() const override;
  int64_t bucket_bytes() const override { return peak_bytes_; }
  std::vector<std::string> order() const override;
  void take_order(const std::vector<std::string>& names) override;
  double take_wait_s() override { return std::exchange(wait_s_, 0.0); }

  /// How many buckets there are; 1 before the order is known.
  size_t num_buckets() const { return buckets_.size(); }
  /// How many of them are under way in this step.
  size_t num_started() const { return num_started_; }

 private:
  void open_bucket(std::vector<FlatRange> ranges);
  void on_ready(int64_t tensor);
  void start_next(int64_t grain, const at::Tensor& gradient);
  void settle(Bucket& bucket);
  at::Tensor put_together();
  void cut(const std::vector<int64_t>& order);

  RankGroups groups_;
  int64_t num_grains_, first_grain_, last_grain_;
  bool strict_;
  const ChunkOwners* owners_;
  std::vector<std::unique_ptr<Bucket>> buckets_;  // exchanged in this order
  size_t num_started_ = 0;                        // of this step
  int64_t peak_bytes_ = 0;                        // of the buckets
  double wait_s_ = 0;
  at::Tensor sum_;  // put together from the buckets

  // Of follow().
  const FlatParameters* parameters_ = nullptr;
  BucketBytes bytes_;
  bool is_last_grain_ = false;            // backward of the last owned grain runs
  std::vector<int64_t> order_;            // as recorded in the first step, then as agreed
  std::vector<size_t> bucket_of_;         // of each tensor
  std::vector<int64_t> num_missing_;      // tensors of each bucket that are not complete yet
  std::unique_ptr<GradientHooks> hooks_;  // last: they call the rest
};

}  // namespace nextframe
