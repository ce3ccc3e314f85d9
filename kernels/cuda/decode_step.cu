// A dream's step in time, on the GPU.
#include <algorithm>

#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_step.cuh"

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

template <class Half>
void launch(const DecodeStepCall& call, int64_t head_dim, cudaStream_t stream) {
  if (head_dim == 32) return launch<Half, 32>(call, stream);
  if (head_dim == 64) return launch<Half, 64>(call, stream);
  launch<Half, 128>(call, stream);
}

}  // namespace

void decode_step(const DecodeStepCall& call, HalfFormat format, int64_t head_dim,
                 cudaStream_t stream) {
  if (format == HalfFormat::bf16) return launch<Bf16>(call, head_dim, stream);
  launch<Fp16>(call, head_dim, stream);
}

}  // namespace nextframe
