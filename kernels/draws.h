// Random tensors, keyed by seed, purpose, step and sample, so that no value depends on which rank
// draws it or when.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <string>

#include "kernels/base/philox.h"

namespace nextframe {

/// Seed and step as int64 [2]. Kernels read them from memory, so that a step captured in a
/// CUDA graph draws new numbers each time.
at::Tensor as_tensor(const Draw& draw, c10::Device device = at::kCPU);

/// Uniform in [0, 1). Row b is keyed by (draw, stream, sample_ids_B[b]) alone, so a sample draws
/// the same values in any batch.
///   draw          as_tensor's, on the device of sample_ids_B
///   sample_ids_B  int64
///   returns       [B, sizes...] float32 on that device
at::Tensor draw_uniform(const at::Tensor& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                        at::IntArrayRef sizes);

/// As draw_uniform, standard normal (Box and Muller 1958).
at::Tensor draw_normal(const at::Tensor& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                       at::IntArrayRef sizes);

/// The initial value of parameter `name`: normal with this standard deviation, keyed by (seed,
/// name), so that it does not depend on the order in which a model makes its parameters.
at::Tensor draw_parameter(uint64_t seed, const std::string& name, at::IntArrayRef sizes,
                          double standard_deviation);

}  // namespace nextframe
