// The end of a dream's step whose keys were answered in parts, on the GPU.
#include <algorithm>

#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_frame.cuh"
#include "kernels/cuda/half_shapes.cuh"

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

}  // namespace

void join_decode_parts(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                       cudaStream_t stream) {
  with_half_shape(format, head_dim, [&](auto shape) {
    launch<typename decltype(shape)::Half, shape.kHeadDim>(call, stream);
  });
}

}  // namespace nextframe
