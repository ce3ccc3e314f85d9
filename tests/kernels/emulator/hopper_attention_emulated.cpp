#include "tests/kernels/emulator/hopper_attention_emulated.h"

#include "kernels/cuda/hopper_attention_backward.cuh"
#include "kernels/cuda/hopper_attention_forward.cuh"
#include "tests/kernels/emulator/phase_barriers.h"

namespace nextframe::emulator {
namespace {

template <class Shape>
Grid grid_of(const FlashAttentionCall& call, int64_t rows) {
  const auto tiles = static_cast<uint32_t>((rows + Shape::kRows - 1) / Shape::kRows);
  // Copies take other times in every call.
  return {tiles * call.units, kHopperThreads, Shape::kSharedBytes,
          static_cast<uint32_t>(call.queries)};
}

template <int kHeadDim, class Forward, class Keys, class Queries>
Report run_kernel(FlashKernel kernel, const FlashAttentionCall& flash,
                  const std::vector<Memory>& memory) {
  const auto call_of = [&](HopperKernel which) {
    return hopper_call(flash, which, kHeadDim, [](const TensorBox& box) { return encode(box); });
  };
  if (kernel == FlashKernel::forward) {
    const auto call = call_of(HopperKernel::forward);
    return run(grid_of<Forward>(flash, flash.queries), memory,
               [&] { hopper_attention_forward<Forward>(call); });
  }
  if (kernel == FlashKernel::keys_backward) {
    const auto call = call_of(HopperKernel::keys_backward);
    return run(grid_of<Keys>(flash, flash.mask.keys), memory,
               [&] { hopper_attention_keys_backward<Keys>(call); });
  }
  const auto call = call_of(HopperKernel::queries_backward);
  return run(grid_of<Queries>(flash, flash.queries), memory,
             [&] { hopper_attention_queries_backward<Queries>(call); });
}

template <class Half, int kHeadDim>
Report run_right(FlashKernel kernel, const FlashAttentionCall& flash,
                 const std::vector<Memory>& memory) {
  return run_kernel<kHeadDim, HopperForward<Half, kHeadDim>, HopperKeys<Half, kHeadDim>,
                    HopperQueries<Half, kHeadDim>>(kernel, flash, memory);
}

/// A shape with one thing wrong.
template <class Right, WrongHopper kWrong>
struct WrongShape : Right {
  static uint32_t parity(int i) {
    return Right::parity(i) ^ (kWrong == WrongHopper::parity && i == 1 ? 1 : 0);
  }
  static ptx::Shared terms(int i) {
    return Right::terms(kWrong == WrongHopper::terms_in_one_place ? 0 : i);
  }
  static typename Right::Other other(int i, int which) {
    return Right::other(kWrong == WrongHopper::values_in_one_place && which == 1 ? 0 : i, which);
  }
  static ptx::Shared full(int i, int which) {
    return Right::full(kWrong == WrongHopper::barriers_in_one_place ? 0 : i, which);
  }
};

template <WrongHopper kWrong>
Report run_wrong(FlashKernel kernel, const FlashAttentionCall& flash,
                 const std::vector<Memory>& memory) {
  return run_kernel<64, WrongShape<HopperForward<Bf16, 64>, kWrong>,
                    WrongShape<HopperKeys<Bf16, 64>, kWrong>,
                    WrongShape<HopperQueries<Bf16, 64>, kWrong>>(kernel, flash, memory);
}

}  // namespace

Report run_hopper_attention(FlashKernel kernel, const FlashAttentionCall& call, bool is_bf16,
                            int64_t head_dim, const std::vector<Memory>& memory) {
  if (head_dim == 64) {
    return is_bf16 ? run_right<Bf16, 64>(kernel, call, memory)
                   : run_right<Fp16, 64>(kernel, call, memory);
  }
  return is_bf16 ? run_right<Bf16, 128>(kernel, call, memory)
                 : run_right<Fp16, 128>(kernel, call, memory);
}

Report run_wrong_hopper_attention(FlashKernel kernel, const FlashAttentionCall& call, bool, int64_t,
                                  const std::vector<Memory>& memory) {
  switch (wrong_hopper) {
    case WrongHopper::parity:
      return run_wrong<WrongHopper::parity>(kernel, call, memory);
    case WrongHopper::terms_in_one_place:
      return run_wrong<WrongHopper::terms_in_one_place>(kernel, call, memory);
    case WrongHopper::values_in_one_place:
      return run_wrong<WrongHopper::values_in_one_place>(kernel, call, memory);
    default:
      return run_wrong<WrongHopper::barriers_in_one_place>(kernel, call, memory);
  }
}

}  // namespace nextframe::emulator
