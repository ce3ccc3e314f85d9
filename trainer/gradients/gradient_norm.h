// This file is the norm that decides about clipping: the same bits however the gradient is split.
#pragma once

#include <ATen/core/Tensor.h>

#include "launch/communicator.h"
#include "trainer/shards/chunk_owners.h"

namespace nextframe {

struct GradientNorm {
  double value = 0;
  at::Tensor is_bad;  // float32 scalar on the gradient's device: 1 where what is here of the
                      // gradient is not finite, else 0; for AdamW (kernels/adamw.h)
};

/// The Euclidean norm of a flat gradient: fp64 sums over chunks, summed by the fixed tree over
/// chunk numbers. The device is waited for once.
GradientNorm gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient);

/// The same where rank r holds, packed, what owner r modulo their number owns. Collective; `world`
/// moves host tensors.
GradientNorm gradient_norm(const FlatParameters& parameters, const ChunkOwners& owners,
                           const at::Tensor& packed_gradient, Communicator& world);

}  // namespace nextframe
