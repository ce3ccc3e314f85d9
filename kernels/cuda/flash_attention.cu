// Which of the .cu files beside this one has a head dimension's kernels.
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/flash_attention_of.h"

namespace nextframe {

void flash_attention_forward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                             cudaStream_t stream) {
  if (head_dim == 32) return FlashAttentionOf<32>::forward(call, format, stream);
  if (head_dim == 64) return FlashAttentionOf<64>::forward(call, format, stream);
  FlashAttentionOf<128>::forward(call, format, stream);
}

void flash_attention_backward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream) {
  if (head_dim == 32) return FlashAttentionOf<32>::backward(call, format, stream);
  if (head_dim == 64) return FlashAttentionOf<64>::backward(call, format, stream);
  FlashAttentionOf<128>::backward(call, format, stream);
}

}  // namespace nextframe
