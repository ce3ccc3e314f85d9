// Inputs of attention, for tests of its definition and of its loops.
#pragma once

#include <cmath>

#include "kernels/attention.h"
#include "tests/kernels/attention_masks.h"
#include "tests/kernels/gradient.h"

namespace nextframe::testing_attention {

inline AttentionOptions with_mask(AttentionMask mask) {
  AttentionOptions options;
  options.mask = mask;
  options.scale = 0.4;
  return options;
}

/// With norm and rotation.
inline AttentionOptions placed(AttentionMask mask, int64_t length, int64_t head_dim) {
  auto options = with_mask(mask);
  options.normalise = true;
  options.scale = 1.5 / std::sqrt(static_cast<double>(head_dim));
  options.rotation = rotation_in_time(length, head_dim);
  return options;
}

inline at::Tensor random_projections(at::IntArrayRef sizes_OLI3KF, uint64_t seed = 1) {
  return testing_gradient::random(sizes_OLI3KF, seed);
}

inline at::Tensor defined_attention(const at::Tensor& projections,
                                    const AttentionOptions& options) {
  return attention_definition(projections.select(3, 0), projections.select(3, 1),
                              projections.select(3, 2), options);
}

}  // namespace nextframe::testing_attention
