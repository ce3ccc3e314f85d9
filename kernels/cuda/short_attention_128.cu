// Short attention with heads of 128 values.
#include "kernels/cuda/short_attention_launch.cuh"

namespace nextframe {

template struct ShortAttentionOf<128>;

}  // namespace nextframe
