// Flash attention of sm_90a, keys backward, with heads of 128 values.
#include "kernels/cuda/hopper_attention_launch.cuh"

namespace nextframe {

template struct HopperAttentionOf<HopperKernel::keys_backward, 128>;

}  // namespace nextframe
