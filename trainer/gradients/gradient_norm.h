// This file is the norm that decides about clipping: the same bits however the gradient is split.
#pragma once

#include <ATen/core/Tensor.h>

#include "launch/communicator.h"
#include "trainer/shards/chunk_owners.h"

namespace nextframe {

/// The Euclidean norm of a flat gradient: fp64 sums over chunks, summed by the fixed tree over
/// chunk numbers.
double gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient);

/// The same where rank r holds, packed, what owner r modulo their number owns. Collective; `world`
/// moves host tensors.
double gradient_norm(const FlatParameters& parameters, const ChunkOwners& owners,
                     const at::Tensor& packed_gradient, Communicator& world);

}  // namespace nextframe
