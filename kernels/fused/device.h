// Runs a fused operation on the device of its tensors: by the CPU's loops, or by kernels on
// LibTorch's current CUDA stream.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "kernels/cpu/choose_loops.h"
#include "kernels/cuda/launches.h"

namespace nextframe::fused {

/// Whether there are fused kernels for x's device.
inline bool has_forms_for(const at::Tensor& x) {
  return x.is_cpu() || (x.is_cuda() && cuda::launches() != nullptr);
}

/// Calls f(launches, stream) with x's device as the current one.
template <class F>
void launch_for(const at::Tensor& x, const F& f) {
  const c10::DeviceGuard device(x.device());
  const auto& launches = *cuda::launches();
  f(launches, launches.current_stream());
  launches.check();
}

/// Calls f(loops) or f(launches, stream). Operations whose names and arguments agree are
/// written once, as [&](const auto& forms, auto... stream) { forms.swiglu(…, stream...); }.
template <class F>
void run_on(const at::Tensor& x, const cpu::Loops& with, const F& f) {
  x.is_cpu() ? f(with) : launch_for(x, f);
}

}  // namespace nextframe::fused
