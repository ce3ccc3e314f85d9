// Launches flash attention on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/flash_attention_call.h"

namespace nextframe {

/// All start on the current device, for heads of 32, 64 or 128 values.
void flash_attention_forward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                             cudaStream_t stream);
/// Both kernels.
void flash_attention_backward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream);

void attention_pass(AttentionPass pass, const AttentionRowsCall& call, HalfFormat format,
                    int64_t head_dim, cudaStream_t stream);

}  // namespace nextframe
