// A dream's step of a whole frame, on the GPU.
#include <algorithm>

#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_frame.cuh"

namespace nextframe {
namespace {

template <class Shape>
__global__ void __launch_bounds__(kFlashThreads, 2)
    frame_kernel(const __grid_constant__ DecodeFrameCall call) {
  decode_frame<Shape>(call);
}
template <class Half, int kHeadDim>
__global__ void __launch_bounds__(kPassThreads)
    join_kernel(const __grid_constant__ DecodeFrameCall call) {
  join_parts<Half, kHeadDim>(call);
}

template <class Half, int kHeadDim>
struct Frame {
  static void start(const DecodeFrameCall& call, cudaStream_t stream) {
    using Shape = DecodeFrameShape<Half, kHeadDim>;
    constexpr int kBytes = Shape::kForwardBytes;
    auto* kernel = frame_kernel<Shape>;
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
    cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                         cudaSharedmemCarveoutMaxShared);
    const int64_t tiles = (call.queries + Shape::kRows - 1) / Shape::kRows;
    const auto num_blocks = static_cast<unsigned>(tiles * call.units * call.parts);
    kernel<<<num_blocks, kFlashThreads, kBytes, stream>>>(call);
  }
};

template <class Half, int kHeadDim>
struct Join {
  static void start(const DecodeFrameCall& call, cudaStream_t stream) {
    constexpr int64_t kRowsAtOnce = kPassThreads / RowPart<Half, kHeadDim>::kLanes;
    constexpr int64_t kMaxBlocks = 1 << 16;
    const int64_t rows = int64_t{call.units} * call.queries;
    const auto num_blocks =
        static_cast<unsigned>(std::min((rows + kRowsAtOnce - 1) / kRowsAtOnce, kMaxBlocks));
    join_kernel<Half, kHeadDim><<<num_blocks, kPassThreads, 0, stream>>>(call);
  }
};

template <template <class, int> class Kernel, class Half>
void start(const DecodeFrameCall& call, int64_t head_dim, cudaStream_t stream) {
  if (head_dim == 32) return Kernel<Half, 32>::start(call, stream);
  if (head_dim == 64) return Kernel<Half, 64>::start(call, stream);
  Kernel<Half, 128>::start(call, stream);
}

}  // namespace

void decode_frame(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                  cudaStream_t stream) {
  if (format == HalfFormat::bf16) return start<Frame, Bf16>(call, head_dim, stream);
  start<Frame, Fp16>(call, head_dim, stream);
}

void join_decode_parts(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                       cudaStream_t stream) {
  if (format == HalfFormat::bf16) return start<Join, Bf16>(call, head_dim, stream);
  start<Join, Fp16>(call, head_dim, stream);
}

}  // namespace nextframe
