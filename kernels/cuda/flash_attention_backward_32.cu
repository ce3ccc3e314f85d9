// Flash attention backward with heads of 32 values.
#include "kernels/cuda/flash_attention_backward_launch.cuh"

namespace nextframe {

template void FlashAttentionOf<32>::backward(const FlashAttentionCall&, HalfFormat, cudaStream_t);

}  // namespace nextframe
