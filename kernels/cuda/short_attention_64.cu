// Short attention with heads of 64 values.
#include "kernels/cuda/short_attention_launch.cuh"

namespace nextframe {

template struct ShortAttentionOf<64>;

}  // namespace nextframe
