#include "tests/kernels/emulator/flash_attention_emulated.h"

#include "kernels/cuda/attention_passes.cuh"
#include "kernels/cuda/flash_attention_backward.cuh"
#include "kernels/cuda/flash_attention_forward.cuh"
#include "kernels/cuda/flash_attention_shapes.cuh"

namespace nextframe::emulator {
namespace {

template <class Shape>
Grid grid_of(const FlashAttentionCall& call, int64_t rows, int shared_bytes) {
  const auto tiles = static_cast<uint32_t>((rows + Shape::kRows - 1) / Shape::kRows);
  return {tiles * call.units, kFlashThreads, static_cast<uint32_t>(shared_bytes)};
}

template <class Half, int kHeadDim>
Report run_kernel(FlashKernel kernel, const FlashAttentionCall& call,
                  const std::vector<Memory>& memory) {
  using Forward = FlashForward<Half, kHeadDim>;
  using Keys = FlashKeys<Half, kHeadDim>;
  using Queries = FlashQueries<Half, kHeadDim>;
  switch (kernel) {
    case FlashKernel::forward:
      return run(grid_of<Forward>(call, call.queries, Forward::kForwardBytes), memory,
                 [&] { flash_attention_forward<Forward>(call); });
    case FlashKernel::keys_backward:
      return run(grid_of<Keys>(call, call.mask.keys, Keys::kKeysBytes), memory,
                 [&] { flash_attention_keys_backward<Keys>(call); });
    default:
      return run(grid_of<Queries>(call, call.queries, Queries::kQueriesBytes), memory,
                 [&] { flash_attention_queries_backward<Queries>(call); });
  }
}

template <class Half, int kHeadDim>
Report run_pass(AttentionPass pass, const AttentionRowsCall& call,
                const std::vector<Memory>& memory) {
  return run({2, kPassThreads, 16}, memory, [&] {
    if (pass == AttentionPass::place) place_rows<Half, kHeadDim>(call);
    if (pass == AttentionPass::carry_back) carry_rows_back<Half, kHeadDim>(call);
    if (pass == AttentionPass::row_terms) make_row_terms<Half, kHeadDim>(call);
  });
}

template <class Half, class F>
Report with_head_dim(int64_t head_dim, const F& f) {
  if (head_dim == 32) return f(Half(), std::integral_constant<int, 32>());
  if (head_dim == 64) return f(Half(), std::integral_constant<int, 64>());
  return f(Half(), std::integral_constant<int, 128>());
}
template <class F>
Report with_types(bool is_bf16, int64_t head_dim, const F& f) {
  return is_bf16 ? with_head_dim<Bf16>(head_dim, f) : with_head_dim<Fp16>(head_dim, f);
}

}  // namespace

Report run_flash_attention(FlashKernel kernel, const FlashAttentionCall& call, bool is_bf16,
                           int64_t head_dim, const std::vector<Memory>& memory) {
  return with_types(is_bf16, head_dim, [&](auto half, auto dim) {
    return run_kernel<decltype(half), decltype(dim)::value>(kernel, call, memory);
  });
}

Report run_attention_pass(AttentionPass pass, const AttentionRowsCall& call, bool is_bf16,
                          int64_t head_dim, const std::vector<Memory>& memory) {
  return with_types(is_bf16, head_dim, [&](auto half, auto dim) {
    return run_pass<decltype(half), decltype(dim)::value>(pass, call, memory);
  });
}

}  // namespace nextframe::emulator
