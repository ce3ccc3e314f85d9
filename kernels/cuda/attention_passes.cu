// Passes over rows of queries, keys and results, on the GPU.
#include <algorithm>

#include "kernels/cuda/attention_passes.cuh"
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/half_shapes.cuh"

namespace nextframe {
namespace {

template <class Half, int kHeadDim, AttentionPass kPass>
__global__ void __launch_bounds__(kPassThreads)
    pass_kernel(const __grid_constant__ AttentionRowsCall call) {
  if (kPass == AttentionPass::place) place_rows<Half, kHeadDim>(call);
  if (kPass == AttentionPass::carry_back) carry_rows_back<Half, kHeadDim>(call);
  if (kPass == AttentionPass::row_terms) make_row_terms<Half, kHeadDim>(call);
}

template <class Half, int kHeadDim>
void launch(AttentionPass pass, const AttentionRowsCall& call, cudaStream_t stream) {
  constexpr int64_t kRowsAtOnce = kPassThreads / RowPart<Half, kHeadDim>::kLanes;
  constexpr int64_t kMaxBlocks = 1 << 16;
  const auto num_blocks =
      static_cast<unsigned>(std::min((call.rows + kRowsAtOnce - 1) / kRowsAtOnce, kMaxBlocks));
  auto* kernel = pass_kernel<Half, kHeadDim, AttentionPass::place>;
  if (pass == AttentionPass::carry_back) {
    kernel = pass_kernel<Half, kHeadDim, AttentionPass::carry_back>;
  }
  if (pass == AttentionPass::row_terms) {
    kernel = pass_kernel<Half, kHeadDim, AttentionPass::row_terms>;
  }
  kernel<<<num_blocks, kPassThreads, 0, stream>>>(call);
}

}  // namespace

void attention_pass(AttentionPass pass, const AttentionRowsCall& call, HalfFormat format,
                    int64_t head_dim, cudaStream_t stream) {
  with_half_shape(format, head_dim, [&](auto shape) {
    launch<typename decltype(shape)::Half, shape.kHeadDim>(pass, call, stream);
  });
}

}  // namespace nextframe
