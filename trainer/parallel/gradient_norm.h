// The gradient norm for clipping, with the same bits however the gradient is sharded.
#pragma once

#include <ATen/core/Tensor.h>

#include "launch/communicator.h"
#include "trainer/parallel/chunk_owners.h"

namespace nextframe {

struct GradientNorm {
  double value = 0;
  at::Tensor is_bad;  // float32 scalar on the gradient's device, for AdamW (kernels/adamw.h): 1
                      // where this rank's part has an infinity or a NaN, else 0
};

/// The L2 norm of a flat gradient: float64 sums of squares of chunks, added up by the fixed tree
/// over chunk numbers. Waits for the device once.
GradientNorm gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient);

/// The same for a sharded gradient: rank r holds what owner r % owners.num_ranks() owns, packed.
/// Collective; `world` moves host tensors.
GradientNorm gradient_norm(const FlatParameters& parameters, const ChunkOwners& owners,
                           const at::Tensor& packed_gradient, Communicator& world);

}  // namespace nextframe
