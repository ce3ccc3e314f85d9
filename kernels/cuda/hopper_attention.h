// Launches sm_90a's flash attention on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/hopper_attention_call.h"

namespace nextframe {

/// As flash_attention_forward and flash_attention_backward, for calls without a hopper_refusal(),
/// on a GPU of compute capability 9.0. Throws std::runtime_error if the driver refuses a tensor
/// map.
void hopper_attention_forward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream);
void hopper_attention_backward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                               cudaStream_t stream);

/// Asks the driver for it.
TensorMap encoded(const TensorBox& box);

/// One kernel with one head dimension, each in a .cu file of its own.
template <HopperKernel kKernel, int kHeadDim>
struct HopperAttentionOf {
  static void start(const HopperAttentionCall& call, HalfFormat format, cudaStream_t stream);
};

}  // namespace nextframe
