// Flash attention of sm_90a, queries backward, with heads of 64 values.
#include "kernels/cuda/hopper_attention_launch.cuh"

namespace nextframe {

template struct HopperAttentionOf<HopperKernel::queries_backward, 64>;

}  // namespace nextframe
