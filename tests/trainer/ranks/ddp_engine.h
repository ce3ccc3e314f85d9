// The engine of PyTorch's DistributedDataParallel (c10d::Reducer) over our communicator: an
// independent answer to what a step's gradient is.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "launch/communicator.h"

namespace nextframe {

class DdpEngine {
 public:
  /// Buckets of `bucket_bytes`; parameters that take no part in a loss need `may_be_unused`.
  DdpEngine(Communicator& world, std::vector<at::Tensor> parameters, int64_t bucket_bytes,
            bool may_be_unused);
  ~DdpEngine();

  /// One step: backward of this rank's losses, and their gradients' mean over the ranks, one tensor
  /// a parameter; zeros where there is no gradient.
  std::vector<at::Tensor> step(const std::vector<std::function<at::Tensor()>>& losses);

  /// How many exchanges the engine has asked for.
  int64_t num_all_reduces() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nextframe
