// Flash attention of sm_90a, forward, with heads of 64 values.
#include "kernels/cuda/hopper_attention_launch.cuh"

namespace nextframe {

template struct HopperAttentionOf<HopperKernel::forward, 64>;

}  // namespace nextframe
