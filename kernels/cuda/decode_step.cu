// A dream's step in time, on the GPU.
#include <algorithm>

#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_step.cuh"
#include "kernels/cuda/half_shapes.cuh"

namespace nextframe {
namespace {

template <class Half, int kHeadDim>
__global__ void __launch_bounds__(kDecodeThreads)
    step_kernel(const __grid_constant__ DecodeStepCall call) {
  decode_step<Half, kHeadDim>(call);
}

template <class Half, int kHeadDim>
void launch(const DecodeStepCall& call, cudaStream_t stream) {
  constexpr int64_t kWarps = kDecodeThreads / kWarp, kMaxBlocks = 1 << 16;
  const auto num_blocks =
      static_cast<unsigned>(std::min((call.units + kWarps - 1) / kWarps, kMaxBlocks));
  step_kernel<Half, kHeadDim><<<num_blocks, kDecodeThreads, 0, stream>>>(call);
}

}  // namespace

void decode_step(const DecodeStepCall& call, HalfFormat format, int64_t head_dim,
                 cudaStream_t stream) {
  with_half_shape(format, head_dim, [&](auto shape) {
    launch<typename decltype(shape)::Half, shape.kHeadDim>(call, stream);
  });
}

}  // namespace nextframe
