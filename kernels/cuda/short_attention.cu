// Which of the .cu files beside this one has a head dimension's kernels.
#include "kernels/cuda/short_attention.h"
#include "kernels/cuda/short_attention_of.h"

namespace nextframe {

void short_attention_forward(const ShortAttentionCall& call, HalfFormat format, int64_t head_dim,
                             cudaStream_t stream) {
  if (head_dim == 32) return ShortAttentionOf<32>::forward(call, format, stream);
  if (head_dim == 64) return ShortAttentionOf<64>::forward(call, format, stream);
  ShortAttentionOf<128>::forward(call, format, stream);
}

void short_attention_backward(const ShortAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream) {
  if (head_dim == 32) return ShortAttentionOf<32>::backward(call, format, stream);
  if (head_dim == 64) return ShortAttentionOf<64>::backward(call, format, stream);
  ShortAttentionOf<128>::backward(call, format, stream);
}

}  // namespace nextframe
