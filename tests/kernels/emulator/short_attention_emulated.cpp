#include "tests/kernels/emulator/short_attention_emulated.h"

#include <algorithm>

#include "kernels/cuda/short_attention_backward.cuh"
#include "kernels/cuda/short_attention_forward.cuh"

namespace nextframe::emulator {
namespace {

template <class Shape>
Report run_shape(const ShortAttentionRun& how, const ShortAttentionCall& call,
                 const std::vector<Memory>& memory) {
  if (how.is_backward) {
    return run({how.blocks, Shape::kThreads, Shape::kBackwardBytes}, memory,
               [&] { short_attention_backward<Shape>(call); });
  }
  return run({how.blocks, Shape::kThreads, Shape::kForwardBytes}, memory,
             [&] { short_attention_forward<Shape>(call); });
}

template <class Half, int kHeadDim>
Report run_tiles(const ShortAttentionRun& how, const ShortAttentionCall& call,
                 const std::vector<Memory>& memory) {
  const int64_t length = std::max<int64_t>(call.queries, call.mask.keys);
  if (length <= 16) return run_shape<ShortAttention<Half, kHeadDim, 1>>(how, call, memory);
  if (length <= 32) return run_shape<ShortAttention<Half, kHeadDim, 2>>(how, call, memory);
  return run_shape<ShortAttention<Half, kHeadDim, 4>>(how, call, memory);
}

template <class Half>
Report run_half(const ShortAttentionRun& how, const ShortAttentionCall& call,
                const std::vector<Memory>& memory) {
  if (how.head_dim == 32) return run_tiles<Half, 32>(how, call, memory);
  if (how.head_dim == 64) return run_tiles<Half, 64>(how, call, memory);
  return run_tiles<Half, 128>(how, call, memory);
}

}  // namespace

Report run_short_attention(const ShortAttentionRun& how, const ShortAttentionCall& call,
                           const std::vector<Memory>& memory) {
  return how.is_bf16 ? run_half<Bf16>(how, call, memory) : run_half<Fp16>(how, call, memory);
}

}  // namespace nextframe::emulator
