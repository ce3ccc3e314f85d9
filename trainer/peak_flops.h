// This file is what the machine can do at best, measured: the denominator of MFU.
#pragma once

#include <c10/core/Device.h>

namespace nextframe {

/// Floating-point operations a second of square matrix products on this rank's device and threads,
/// in bfloat16 or float32: the best of a few, a tenth of a second in all.
double measure_peak_flops(c10::Device device, bool bf16);

}  // namespace nextframe
