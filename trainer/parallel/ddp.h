// DDP and ZeRO-1: gradients are communicated once a step, bucket by bucket, while the backward of a
// rank's last grain still runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "trainer/parallel/chunk_owners.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/parallel/gradient_buckets.h"
#include "trainer/parallel/gradient_sync.h"
#include "trainer/parallel/process_groups.h"

namespace nextframe {

/// Sums the flat float32 gradients of all grains of all ranks. Each rank has neighbouring grains.
///   strict  by a fixed binary tree over grains (kernels/base/fixed_tree.h), whoever owns them
///   fast    the grains of a rank one after another, then the library's all-reduce
class DdpSync final : public GradientSync {
 public:
  /// Without `owners` every rank gets the whole sum (DDP). With them (the ranks of
  /// groups.shard_group(); they must outlive this object) each rank gets the sum of what it owns,
  /// packed (ZeRO-1).
  DdpSync(const ProcessGroups& groups, int64_t num_grains, bool strict,
          const ChunkOwners* owners = nullptr);

  int64_t first_grain() const { return first_grain_; }  // this rank has [first, last)
  int64_t last_grain() const { return last_grain_; }

  /// Overlaps communication with backward from the second step on: cuts the gradient into buckets,
  /// in the order in which rank 0's first backward completed the parameters, and starts each as
  /// soon as the last grain's backward has completed it. The bits do not change, because the tree
  /// is over grains, element by element.
  void overlap_backward(const FlatParameters& parameters, const BucketBytes& bytes);

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
  /// How many of them were started in this step.
  size_t num_started() const { return num_started_; }

 private:
  void open_bucket(std::vector<FlatRange> ranges);
  void on_ready(int64_t tensor);
  void start_next_bucket(int64_t grain, const at::Tensor& gradient);
  void free_bucket(Bucket& bucket);
  at::Tensor assemble();
  void cut(const std::vector<int64_t>& order);

  ProcessGroups groups_;
  int64_t num_grains_, first_grain_, last_grain_;
  bool strict_;
  const ChunkOwners* owners_;
  std::vector<std::unique_ptr<Bucket>> buckets_;  // started in this order
  size_t num_started_ = 0;                        // in this step
  int64_t peak_bytes_ = 0;                        // of the buckets
  double wait_s_ = 0;
  at::Tensor sum_;  // assembled from the buckets

  // For overlap_backward().
  const FlatParameters* parameters_ = nullptr;
  BucketBytes bytes_;
  bool is_last_grain_ = false;            // the backward of this rank's last grain runs
  std::vector<int64_t> order_;            // as recorded in the first step, then as agreed
  std::vector<size_t> bucket_of_;         // of each tensor
  std::vector<int64_t> num_missing_;      // tensors of each bucket that are not complete yet
  std::unique_ptr<GradientHooks> hooks_;  // the last member: its calls use the others
};

}  // namespace nextframe
