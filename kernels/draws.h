// This file is random tensors whose every value is keyed by what it is for, never by who draws it
// or when.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "kernels/base/philox.h"

namespace nextframe {

/// Uniform in [0, 1). Row b is keyed by (draw, stream, sample_ids_B[b]) alone, so a sample draws
/// the same values in any batch.
///   sample_ids_B  int64
///   returns       [B, sizes...] float32 on the device of sample_ids_B
at::Tensor draw_uniform(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                        at::IntArrayRef sizes);

/// As draw_uniform, standard normal (Box and Muller 1958).
at::Tensor draw_normal(const Draw& draw, DrawStream stream, const at::Tensor& sample_ids_B,
                       at::IntArrayRef sizes);

/// The start value of parameter `name`: normal with this standard deviation, keyed by (seed, name),
/// so that it does not depend on the order in which a model makes its parameters.
at::Tensor draw_parameter(uint64_t seed, const std::string& name, at::IntArrayRef sizes,
                          double standard_deviation);

}  // namespace nextframe
