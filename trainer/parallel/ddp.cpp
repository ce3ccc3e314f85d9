#include "trainer/parallel/ddp.h"

#include <algorithm>
#include <string>

#include "kernels/base/clock.h"
#include "kernels/torch.h"
#include "launch/hang/flight_recorder.h"
#include "trainer/parallel/ddp_bucket.h"
#include "trainer/parallel/zero1_bucket.h"

namespace nextframe {
namespace {

/// Where some tensors are in the flat buffers; neighbours become one range, with their padding.
std::vector<FlatRange> ranges_of(const std::vector<FlatTensor>& layout,
                                 std::vector<int64_t> tensors) {
  std::sort(tensors.begin(), tensors.end());
  std::vector<FlatRange> ranges;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& tensor = layout[static_cast<size_t>(tensors[i])];
    if (i > 0 && tensors[i] == tensors[i - 1] + 1) {
      ranges.back().count = tensor.offset + tensor.numel - ranges.back().offset;
    } else {
      ranges.push_back({tensor.offset, tensor.numel});
    }
  }
  return ranges;
}

}  // namespace

DdpSync::DdpSync(const ProcessGroups& groups, int64_t num_grains, bool strict,
                 const ChunkOwners* owners)
    : groups_(groups), num_grains_(num_grains), strict_(strict), owners_(owners) {
  const auto& world = groups.all;
  std::tie(first_grain_, last_grain_) = owned_leaves(num_grains, world.rank(), world.size());
  TORCH_CHECK(world.size() <= num_grains, "trainer.grains = ", num_grains, " cannot feed ",
              world.size(), " ranks; a rank needs at least one grain");
}

void DdpSync::overlap_backward(const FlatParameters& parameters, const BucketBytes& bytes) {
  if (groups_.all.size() == 1) return;  // nothing to communicate
  parameters_ = &parameters;
  bytes_ = bytes;
  hooks_ = std::make_unique<GradientHooks>(parameters.parameters(),
                                           [this](int64_t tensor) { on_ready(tensor); });
}

void DdpSync::open_bucket(std::vector<FlatRange> ranges) {
  if (owners_ == nullptr) {
    buckets_.push_back(
        std::make_unique<DdpBucket>(groups_, num_grains_, strict_, std::move(ranges)));
  } else {
    buckets_.push_back(
        std::make_unique<Zero1Bucket>(groups_, num_grains_, strict_, std::move(ranges), *owners_));
  }
}

void DdpSync::begin(int64_t grain) {
  is_last_grain_ = grain + 1 == last_grain_;
  if (bucket_of_.empty()) return;
  std::fill(num_missing_.begin(), num_missing_.end(), 0);
  for (const size_t bucket : bucket_of_) ++num_missing_[bucket];
}

void DdpSync::on_ready(int64_t tensor) {
  if (!is_last_grain_) return;
  if (bucket_of_.empty()) return order_.push_back(tensor);
  --num_missing_[bucket_of_[static_cast<size_t>(tensor)]];
  while (num_started_ < buckets_.size() && num_missing_[num_started_] == 0)
    start_next_bucket(last_grain_ - 1, parameters_->gradients());
}

void DdpSync::start_next_bucket(int64_t grain, const at::Tensor& gradient) {
  const CollectivePurpose purpose("bucket " + std::to_string(num_started_));
  if (num_started_ >= kMaxBucketsInFlight)
    free_bucket(*buckets_[num_started_ - kMaxBucketsInFlight]);
  buckets_[num_started_]->add(grain, gradient);
  buckets_[num_started_]->start();
  ++num_started_;
  int64_t held_bytes = 0;
  for (const auto& bucket : buckets_) held_bytes += bucket->bytes();
  peak_bytes_ = std::max(peak_bytes_, held_bytes);
}

void DdpSync::free_bucket(Bucket& bucket) {
  const Stopwatch watch;
  bucket.wait_and_free();
  wait_s_ += watch.seconds();
}

void DdpSync::add(int64_t grain, const at::Tensor& gradient) {
  is_last_grain_ = false;
  if (buckets_.empty()) open_bucket({{0, gradient.numel()}});
  if (grain + 1 < last_grain_) {
    for (const auto& bucket : buckets_) bucket->add(grain, gradient);
  } else {  // also those of parameters that took no part in the loss
    while (num_started_ < buckets_.size()) start_next_bucket(grain, gradient);
  }
}

at::Tensor DdpSync::finish() {
  num_started_ = 0;
  const bool is_one = buckets_.size() == 1 && bucket_of_.empty();
  const auto result = is_one && owners_ == nullptr ? buckets_.front()->finish() : assemble();
  if (parameters_ != nullptr && bucket_of_.empty()) {
    order_ = agree_on_order(groups_.all, *parameters_, std::move(order_));
    cut(order_);
  }
  return result;
}

at::Tensor DdpSync::assemble() {
  for (const auto& bucket : buckets_) {
    const auto part = bucket->finish();
    if (!sum_.defined()) {
      const int64_t elements = owners_ == nullptr
                                   ? parameters_->gradients().numel()
                                   : owners_->packed_elements(groups_.shard_group().rank());
      sum_ = at::zeros({elements}, part.options());
    }
    int64_t at = 0;
    for (const auto& place : bucket->places()) {
      sum_.narrow(0, place.offset, place.count).copy_(part.narrow(0, at, place.count));
      at += place.count;
    }
  }
  return sum_;
}

int64_t DdpSync::gradient_bytes() const {
  return sum_.defined() ? static_cast<int64_t>(sum_.nbytes()) : 0;
}

std::vector<std::string> DdpSync::order() const {
  return bucket_of_.empty() ? std::vector<std::string>() : names_of_order(*parameters_, order_);
}

void DdpSync::take_order(const std::vector<std::string>& names) {
  if (parameters_ == nullptr || !buckets_.empty()) return;
  auto order = order_of_names(*parameters_, names);
  if (order.empty()) return;
  order_ = std::move(order);
  cut(order_);
}

void DdpSync::cut(const std::vector<int64_t>& order) {
  bucket_of_.assign(parameters_->layout().size(), 0);
  buckets_.clear();
  peak_bytes_ = 0;  // of the buckets to come
  for (const auto& tensors : cut_into_buckets(*parameters_, order, bytes_)) {
    for (const int64_t tensor : tensors) bucket_of_[static_cast<size_t>(tensor)] = buckets_.size();
    open_bucket(ranges_of(parameters_->layout(), tensors));
  }
  num_missing_.assign(buckets_.size(), 0);
}

}  // namespace nextframe
