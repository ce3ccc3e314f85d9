// Launches short attention on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/short_attention_call.h"

namespace nextframe {

/// Both start on the current device, for heads of 32, 64 or 128 values.
void short_attention_forward(const ShortAttentionCall& call, HalfFormat format, int64_t head_dim,
                             cudaStream_t stream);
void short_attention_backward(const ShortAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream);

}  // namespace nextframe
