// Flash attention backward with heads of 64 values.
#include "kernels/cuda/flash_attention_backward_launch.cuh"

namespace nextframe {

template void FlashAttentionOf<64>::backward(const FlashAttentionCall&, HalfFormat, cudaStream_t);

}  // namespace nextframe
