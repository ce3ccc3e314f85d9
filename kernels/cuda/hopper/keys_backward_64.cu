// Flash attention of sm_90a, keys backward, with heads of 64 values.
#include "kernels/cuda/hopper_attention_launch.cuh"

namespace nextframe {

template struct HopperAttentionOf<HopperKernel::keys_backward, 64>;

}  // namespace nextframe
