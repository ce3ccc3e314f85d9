#include "tests/kernels/emulator/decode_attention_emulated.h"

#include "kernels/cuda/decode_frame.cuh"
#include "kernels/cuda/decode_step.cuh"

namespace nextframe::emulator {
namespace {

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

Report run_decode_step(const DecodeStepCall& call, bool is_bf16, int64_t head_dim, uint32_t blocks,
                       const std::vector<Memory>& memory) {
  return with_types(is_bf16, head_dim, [&](auto half, auto dim) {
    return run({blocks, kDecodeThreads, 16}, memory,
               [&] { decode_step<decltype(half), decltype(dim)::value>(call); });
  });
}

Report run_decode_frame(const DecodeFrameCall& call, bool is_bf16, int64_t head_dim,
                        const std::vector<Memory>& memory) {
  return with_types(is_bf16, head_dim, [&](auto half, auto dim) {
    using Shape = DecodeFrameShape<decltype(half), decltype(dim)::value>;
    const auto tiles = static_cast<uint32_t>((call.queries + Shape::kRows - 1) / Shape::kRows);
    const auto parts = static_cast<uint32_t>(call.parts);
    return run({tiles * call.units * parts, kFlashThreads, Shape::kForwardBytes}, memory,
               [&] { decode_frame<Shape>(call); });
  });
}

Report run_join_parts(const DecodeFrameCall& call, bool is_bf16, int64_t head_dim,
                      const std::vector<Memory>& memory) {
  return with_types(is_bf16, head_dim, [&](auto half, auto dim) {
    return run({2, kPassThreads, 16}, memory,
               [&] { join_parts<decltype(half), decltype(dim)::value>(call); });
  });
}

}  // namespace nextframe::emulator
