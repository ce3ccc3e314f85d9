// Gradient buckets, as in DDP: groups of parameters whose gradients are reduced together while
// backward still works on the others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/parallel/gradient_sync.h"

namespace nextframe {

/// How many buckets may hold copies of what they send at one time.
inline constexpr size_t kMaxBucketsInFlight = 2;

/// One bucket of a gradient that is reduced once a step: DdpBucket gives every rank the whole sum
/// (all-reduce), Zero1Bucket gives each rank the part that it owns (reduce-scatter).
class Bucket {
 public:
  virtual ~Bucket() = default;

  /// Takes its ranges of the flat float32 gradient of `grain`. A rank adds its grains in ascending
  /// order.
  virtual void add(int64_t grain, const at::Tensor& gradient) = 0;

  /// Begins to communicate, after this rank's last grain. All ranks start their buckets in the same
  /// order.
  virtual void start() = 0;

  /// Waits until what start() sent has arrived, and frees the buffers that are no longer needed.
  virtual void wait_and_free() {}

  /// Waits for the sum over all grains of all ranks: the ranges places(), one after another. Valid
  /// until the next step's add().
  virtual at::Tensor finish() = 0;

  /// Where the parts of finish() belong: in the flat buffer, or in this rank's packed one.
  virtual const std::vector<FlatRange>& places() const = 0;

  virtual int64_t bytes() const = 0;  // of memory that it holds
};

/// Calls `on_ready(i)` as soon as backward has accumulated the gradient of parameters[i], on the
/// thread that runs backward (PyTorch's post-accumulate-grad hooks). A parameter can have one such
/// hook at a time; the destructor removes them.
class GradientHooks {
 public:
  GradientHooks(std::vector<at::Tensor> parameters, std::function<void(int64_t)> on_ready);
  ~GradientHooks();
  GradientHooks(const GradientHooks&) = delete;
  GradientHooks& operator=(const GradientHooks&) = delete;

 private:
  std::vector<at::Tensor> parameters_;
};

/// Broadcasts rank 0's order of tensors (indices into the layout) to all ranks. Tensors that are
/// missing from it come last. Collective.
std::vector<int64_t> agree_on_order(Communicator& world, const FlatParameters& parameters,
                                    std::vector<int64_t> order);

/// The indices of the tensors with these names; empty unless every tensor is named exactly once.
std::vector<int64_t> order_of_names(const FlatParameters& parameters,
                                    const std::vector<std::string>& names);
std::vector<std::string> names_of_order(const FlatParameters& parameters,
                                        const std::vector<int64_t>& order);

/// Cuts an order of all tensors into buckets of about the given sizes.
std::vector<std::vector<int64_t>> cut_into_buckets(const FlatParameters& parameters,
                                                   const std::vector<int64_t>& order,
                                                   const BucketBytes& bytes);

}  // namespace nextframe
