// Flash attention forward with heads of 64 values.
#include "kernels/cuda/flash_attention_forward_launch.cuh"

namespace nextframe {

template void FlashAttentionOf<64>::forward(const FlashAttentionCall&, HalfFormat, cudaStream_t);

}  // namespace nextframe
