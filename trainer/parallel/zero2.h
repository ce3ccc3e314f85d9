// ZeRO-2 (and the gradients of ZeRO-3/FSDP): gradients are reduced grain by grain on the ranks that
// own them, so that no rank ever holds a whole gradient.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "trainer/parallel/chunk_owners.h"
#include "trainer/parallel/gradient_buckets.h"
#include "trainer/parallel/gradient_sync.h"
#include "trainer/parallel/grain_owners.h"
#include "trainer/parallel/zero2_bucket.h"

namespace nextframe {

/// Ranks work in rounds of one grain each. While backward runs, each bucket of the round's
/// gradients goes to the owners of its chunks and is freed. An owner adds the grains in ascending
/// order by the fixed tree (strict), or adds what the library has reduced over ranks (fast). At
/// most kMaxBucketsInFlight buckets are in flight. On two levels each node does this alone, and the
/// nodes' sums are added in the last round.
class Zero2Sync final : public GradientSync {
 public:
  /// All references outlive it. The parameters have no gradients between two backwards.
  Zero2Sync(const ProcessGroups& groups, const GrainOwners& grains, bool strict,
            const ChunkOwners& owners, const FlatParameters& parameters, const BucketBytes& bytes);

  /// A rank without a grain in the last round must call begin() and add(), too, with num_grains;
  /// what it computes in between is ignored.
  void begin(int64_t grain) override;
  void add(int64_t grain, const at::Tensor& gradient) override;
  at::Tensor finish() override;

  std::vector<std::string> order() const override;
  void take_order(const std::vector<std::string>& names) override;
  double take_wait_s() override { return std::exchange(wait_s_, 0.0); }
  int64_t gradient_bytes() const override;
  int64_t bucket_bytes() const override { return peak_bytes_; }

  size_t num_buckets() const { return buckets_.size(); }
  size_t num_started() const { return num_started_; }  // in this round

 private:
  void cut(const std::vector<int64_t>& order);
  void on_ready(int64_t tensor);
  void start_next_bucket();
  void finish_oldest();

  ProcessGroups groups_;
  GrainOwners grains_;
  bool strict_;
  const ChunkOwners& owners_;
  const FlatParameters& parameters_;
  BucketBytes bytes_;
  std::vector<std::unique_ptr<Zero2Bucket>> buckets_;  // started in this order
  std::vector<size_t> bucket_of_;                      // of each tensor
  std::vector<int64_t> num_missing_;  // tensors of each bucket that are not complete in this round
  std::vector<int64_t> order_;        // as recorded in the first backward, then as agreed
  bool is_agreed_ = false, is_recorded_ = false, is_backward_ = false, has_grain_ = false;
  int64_t round_ = 0;
  size_t num_started_ = 0;
  std::deque<Zero2Bucket*> in_flight_;
  at::Tensor sum_;
  int64_t waiting_bytes_ = 0, peak_waiting_bytes_ = 0;  // of gradients that were not sent yet
  int64_t peak_bytes_ = 0;
  double wait_s_ = 0;
  std::unique_ptr<GradientHooks> hooks_;  // the last member: its calls use the others
};

}  // namespace nextframe
