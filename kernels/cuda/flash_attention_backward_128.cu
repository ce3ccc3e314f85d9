// Flash attention backward with heads of 128 values.
#include "kernels/cuda/flash_attention_backward_launch.cuh"

namespace nextframe {

template void FlashAttentionOf<128>::backward(const FlashAttentionCall&, HalfFormat, cudaStream_t);

}  // namespace nextframe
