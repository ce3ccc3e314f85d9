// This file is gradients that are summed grain by grain on the ranks that own the parameters'
// chunks, so that no rank ever holds a whole one.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "trainer/gradients/gradient_hooks.h"
#include "trainer/gradients/gradient_sync.h"
#include "trainer/gradients/grain_owners.h"
#include "trainer/gradients/owner_bucket.h"
#include "trainer/shards/chunk_owners.h"

namespace nextframe {

/// Ranks work on one grain each at a time. While backward runs, each bucket of the round's
/// gradients goes to the chunks' owners and leaves memory; an owner pushes the grains in ascending
/// order into the fixed tree (strict), or adds what the library has summed over ranks (fast). At
/// most two buckets are under way. On two levels each node of the job works so, and the sums of the
/// nodes meet in the last round.
class RoundExchange final : public GradientSync {
 public:
  /// All references outlive it. The parameters' gradients are undefined between two backwards.
  RoundExchange(const RankGroups& groups, const GrainOwners& grains, bool strict,
                const ChunkOwners& owners, const FlatParameters& parameters,
                const BucketBytes& bytes);

  /// A rank without a grain in the last round calls both too, with a number that no grain has; it
  /// may compute what it likes between them.
  void begin(int64_t grain) override;
  void add(int64_t grain, const at::Tensor& gradient) override;
  at::Tensor finish() override;

  std::vector<std::string> order() const override;
  void take_order(const std::vector<std::string>& names) override;
  double take_wait_s() override { return std::exchange(wait_s_, 0.0); }
  int64_t gradient_bytes() const override;
  int64_t bucket_bytes() const override { return peak_bytes_; }

  size_t num_buckets() const { return buckets_.size(); }
  size_t num_started() const { return num_started_; }  // of this round

 private:
  void cut(const std::vector<int64_t>& order);
  void on_ready(int64_t tensor);
  void start_next();
  void finish_oldest();

  RankGroups groups_;
  GrainOwners grains_;
  bool strict_;
  const ChunkOwners& owners_;
  const FlatParameters& parameters_;
  BucketBytes bytes_;
  std::vector<std::unique_ptr<OwnerBucket>> buckets_;  // exchanged in this order
  std::vector<size_t> bucket_of_;                      // of each tensor
  std::vector<int64_t> num_missing_;                   // of each bucket, in this round
  std::vector<int64_t> order_;  // as recorded in the first backward, then as agreed
  bool is_agreed_ = false, is_recorded_ = false, is_backward_ = false, has_grain_ = false;
  int64_t round_ = 0;
  size_t num_started_ = 0;
  std::deque<OwnerBucket*> under_way_;
  at::Tensor sum_;
  int64_t waiting_bytes_ = 0, peak_waiting_bytes_ = 0;  // gradients that were not sent yet
  int64_t peak_bytes_ = 0;
  double wait_s_ = 0;
  std::unique_ptr<GradientHooks> hooks_;  // last: they call the rest
};

}  // namespace nextframe
