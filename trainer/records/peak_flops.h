// The peak FLOP/s of a device, stated or measured: the denominator of MFU.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <string>

namespace nextframe {

/// Floating-point operations a second of square matrix products on this rank's device and threads,
/// in bfloat16 or float32: the best of a few, a tenth of a second in all.
double measure_peak_flops(c10::Device device, bool bf16);

/// What its maker states of a GPU by name, for dense products in bfloat16 or in float32 without
/// TF32, operations a second; 0 for a GPU that is not in the table.
double stated_peak_flops(const std::string& gpu_name, bool bf16);

struct PeakFlops {
  double flops_per_s = 0;
  std::string source;  // "given", "stated for …" or "measured …"
};

/// A rank's peak: `given_tflops` if it is not 0, else what is stated of the GPU, else `measure()`.
PeakFlops choose_peak_flops(double given_tflops, const std::string& gpu_name, bool bf16,
                            const std::function<double()>& measure);

}  // namespace nextframe
