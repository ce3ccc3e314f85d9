// Short attention with heads of 32 values.
#include "kernels/cuda/short_attention_launch.cuh"

namespace nextframe {

template struct ShortAttentionOf<32>;

}  // namespace nextframe
