// This file is the scale of pixels: bytes as stored, [-1, 1] inside a model, [0, 1] outside.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// uint8 0 .. 255 -> float32 -1 .. 1, any shape.
at::Tensor pixels_from_bytes(const at::Tensor& bytes);

/// float32 -1 .. 1 -> 0 .. 1; what lies outside is cut off.
at::Tensor unit_range(const at::Tensor& pixels);

}  // namespace nextframe
