// The end of a dream's step whose keys were answered in parts, on the GPU.
#include <algorithm>

#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_frame.cuh"

namespace nextframe {
namespace {

template <class Half, int kHeadDim>
__global__ void __launch_bounds__(kPassThreads)
    join_kernel(const __grid_constant__ DecodeFrameCall call) {
  join_parts<Half, kHeadDim>(call);
}

template <class Half, int kHeadDim>
void launch(const DecodeFrameCall& call, cudaStream_t stream) {
  constexpr int64_t kRowsAtOnce = kPassThreads / RowPart<Half, kHeadDim>::kLanes;
  constexpr int64_t kMaxBlocks = 1 << 16;
  const int64_t rows = int64_t{call.units} * call.queries;
  const auto num_blocks =
      static_cast<unsigned>(std::min((rows + kRowsAtOnce - 1) / kRowsAtOnce, kMaxBlocks));
  join_kernel<Half, kHeadDim><<<num_blocks, kPassThreads, 0, stream>>>(call);
}

template <class Half>
void launch(const DecodeFrameCall& call, int64_t head_dim, cudaStream_t stream) {
  if (head_dim == 32) return launch<Half, 32>(call, stream);
  if (head_dim == 64) return launch<Half, 64>(call, stream);
  launch<Half, 128>(call, stream);
}

}  // namespace

void join_decode_parts(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                       cudaStream_t stream) {
  if (format == HalfFormat::bf16) return launch<Bf16>(call, head_dim, stream);
  launch<Fp16>(call, head_dim, stream);
}

}  // namespace nextframe
