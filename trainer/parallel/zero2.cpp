#include "trainer/parallel/zero2.h"

#include <algorithm>

#include "kernels/base/clock.h"
#include "kernels/torch.h"

namespace nextframe {

Zero2Sync::Zero2Sync(const ProcessGroups& groups, const GrainOwners& grains, bool strict,
                     const ChunkOwners& owners, const FlatParameters& parameters,
                     const BucketBytes& bytes)
    : groups_(groups),
      grains_(grains),
      strict_(strict),
      owners_(owners),
      parameters_(parameters),
      bytes_(bytes),
      sum_(at::zeros({owners.packed_elements(groups.shard_group().rank())},
                     parameters.parameters().front().options().requires_grad(false))) {
  TORCH_CHECK(grains.is_dealt, "gradients that are exchanged in rounds need dealt grains");
  // Until a backward has shown a better order: the last modules first.
  auto order = parameters.registration_order();
  std::reverse(order.begin(), order.end());
  cut(order);
  hooks_ = std::make_unique<GradientHooks>(parameters.parameters(),
                                           [this](int64_t tensor) { on_ready(tensor); });
}

void Zero2Sync::cut(const std::vector<int64_t>& order) {
  buckets_.clear();
  bucket_of_.assign(parameters_.layout().size(), 0);
  for (auto& tensors : cut_into_buckets(parameters_, order, bytes_)) {
    for (const int64_t tensor : tensors) bucket_of_[static_cast<size_t>(tensor)] = buckets_.size();
    buckets_.push_back(std::make_unique<Zero2Bucket>(groups_, grains_, strict_, owners_,
                                                     parameters_, std::move(tensors)));
  }
  num_missing_.assign(buckets_.size(), 0);
}

void Zero2Sync::begin(int64_t grain) {
  is_backward_ = true;
  has_grain_ = grain < grains_.num_grains;
  num_started_ = 0;
  std::fill(num_missing_.begin(), num_missing_.end(), 0);
  for (const size_t bucket : bucket_of_) ++num_missing_[bucket];
}

void Zero2Sync::on_ready(int64_t tensor) {
  if (!is_backward_) return;
  if (!is_recorded_) order_.push_back(tensor);
  waiting_bytes_ += bytes_of(parameters_.parameters()[static_cast<size_t>(tensor)].grad());
  peak_waiting_bytes_ = std::max(peak_waiting_bytes_, waiting_bytes_);
  --num_missing_[bucket_of_[static_cast<size_t>(tensor)]];
  while (num_started_ < buckets_.size() && num_missing_[num_started_] == 0) start_next_bucket();
}

void Zero2Sync::start_next_bucket() {
  if (in_flight_.size() == kMaxBucketsInFlight) finish_oldest();
  auto& bucket = *buckets_[num_started_];
  for (const int64_t tensor : bucket.tensors())
    waiting_bytes_ -= bytes_of(parameters_.parameters()[static_cast<size_t>(tensor)].grad());
  bucket.start(round_, has_grain_);
  in_flight_.push_back(&bucket);
  ++num_started_;
  int64_t held_bytes = 0;
  for (const auto& each : buckets_) held_bytes += each->bytes();
  peak_bytes_ = std::max(peak_bytes_, held_bytes);
}

void Zero2Sync::finish_oldest() {
  const Stopwatch watch;
  in_flight_.front()->finish();
  in_flight_.pop_front();
  wait_s_ += watch.seconds();
}

void Zero2Sync::add(int64_t /*grain*/, const at::Tensor& /*gradient*/) {
  while (num_started_ < buckets_.size())
    start_next_bucket();  // also of parameters that the loss does not use
  is_backward_ = false;
  is_recorded_ = true;
  ++round_;
}

at::Tensor Zero2Sync::finish() {
  const double waited_in_backward_s = wait_s_;
  while (!in_flight_.empty()) finish_oldest();
  wait_s_ = waited_in_backward_s;  // the caller times finish() itself
  TORCH_INTERNAL_ASSERT(round_ == grains_.num_rounds());
  round_ = 0;
  for (const auto& bucket : buckets_) bucket->take_sum(sum_);
  if (!std::exchange(is_agreed_, true)) {
    order_ = agree_on_order(groups_.all, parameters_, std::move(order_));
    cut(order_);
  }
  return sum_;
}

std::vector<std::string> Zero2Sync::order() const {
  return is_agreed_ ? names_of_order(parameters_, order_) : std::vector<std::string>();
}

void Zero2Sync::take_order(const std::vector<std::string>& names) {
  if (is_recorded_) return;
  auto order = order_of_names(parameters_, names);
  if (order.empty()) return;
  order_ = std::move(order);
  is_agreed_ = is_recorded_ = true;
  cut(order_);
}

int64_t Zero2Sync::gradient_bytes() const { return bytes_of(sum_) + peak_waiting_bytes_; }

}  // namespace nextframe
