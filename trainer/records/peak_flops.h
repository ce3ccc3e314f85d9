// The peak FLOP/s of a device, stated or measured: the denominator of MFU.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <string>

namespace nextframe {

/// Measures the FLOP/s of square matrix products on this rank's device and threads, in
/// bfloat16 or float32: the best of a few, in a tenth of a second.
double measure_peak_flops(c10::Device device, bool bf16);

/// The FLOP/s that a GPU's maker states, for dense products in bfloat16, or in float32 without
/// TF32; 0 for a GPU that is not in the table.
double stated_peak_flops(const std::string& gpu_name, bool bf16);

struct PeakFlops {
  double flops_per_s = 0;
  std::string source;  // "given", "stated for …" or "measured …"
  bool is_measured = false;
};

/// A rank's peak: `given_tflops` if that is not 0, else what is stated for the GPU, else
/// `measure()`.
PeakFlops choose_peak_flops(double given_tflops, const std::string& gpu_name, bool bf16,
                            const std::function<double()>& measure);

}  // namespace nextframe
