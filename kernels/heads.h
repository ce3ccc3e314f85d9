// This file is the way from packed projections to one small matrix a sequence and head, and back.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/rotary.h"

namespace nextframe {

/// What attends to what: the tokens of one frame, or one token's past in all frames.
enum class Along { space, time };

/// One matrix a sequence and head; S = sequences * heads, L positions, F = D / heads.
/// Along space a sequence is a frame and L = N; along time it is a token's place and L = T.
struct Heads {
  at::Tensor query_SLF, key_SLF;  // each row normalised (RMSNorm), then turned to its position
  at::Tensor value_SLF;
};

///   projections  [B, T, N, 3D], queries, keys, values; float32 or bfloat16, results alike
Heads split_heads(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                  Along along);

/// From [S, L, F] back to [B, T, N, D].
at::Tensor merge_heads(const at::Tensor& values_SLF, at::IntArrayRef sizes_BTND, int64_t num_heads,
                       Along along);

}  // namespace nextframe
