// Launches the decoding kernels (attention with a KV cache) on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/decode_attention_call.h"

namespace nextframe {

/// All start on the current device, for heads of 32, 64 or 128 values.
void decode_step(const DecodeStepCall& call, HalfFormat format, int64_t head_dim,
                 cudaStream_t stream);
void decode_frame(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                  cudaStream_t stream);
void join_decode_parts(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                       cudaStream_t stream);

}  // namespace nextframe
