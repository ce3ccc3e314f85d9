// A dream's step of a whole frame, on the GPU.
#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_frame.cuh"
#include "kernels/cuda/half_shapes.cuh"

namespace nextframe {
namespace {

template <class Shape>
__global__ void __launch_bounds__(kFlashThreads, 2)
    frame_kernel(const __grid_constant__ DecodeFrameCall call) {
  decode_frame<Shape>(call);
}

template <class Half, int kHeadDim>
void launch(const DecodeFrameCall& call, cudaStream_t stream) {
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

}  // namespace

void decode_frame(const DecodeFrameCall& call, HalfFormat format, int64_t head_dim,
                  cudaStream_t stream) {
  with_half_shape(format, head_dim, [&](auto shape) {
    launch<typename decltype(shape)::Half, shape.kHeadDim>(call, stream);
  });
}

}  // namespace nextframe
