// One call of flash attention as sm_90a's kernels take it, with tensor maps.
#pragma once

#include "kernels/cuda/flash_attention_call.h"
#include "kernels/cuda/tensor_box.h"

namespace nextframe {

/// Rows of a box of queries, keys or values, at most: a block's own rows come in two of them.
inline constexpr int kHopperOwnRows = 64;

/// Every operand has a map for its own rows and one for tiles of the other side.
struct HopperMaps {
  TensorMap own, other;
};

struct HopperAttentionCall {
  FlashAttentionCall flash;
  HopperMaps query, key, value;
  HopperMaps grad;  // of the result; backward reads it
  TensorMap terms;  // flash.row_terms, a tile of queries at once; backward reads it
};

/// Rows of a tile of the other side, for each kernel and head dimension: as many as registers hold.
enum class HopperKernel { forward, keys_backward, queries_backward };
constexpr int hopper_other_rows(HopperKernel kernel, int64_t head_dim) {
  return kernel == HopperKernel::keys_backward && head_dim == 128 ? 64 : 128;
}

/// Why these kernels cannot answer the call, or null. The rest of the call is as
/// FlashAttentionCall has it.
inline const char* hopper_refusal(const FlashAttentionCall& call, int64_t head_dim,
                                  bool is_backward) {
  if (head_dim != 64 && head_dim != 128) return "heads are not of 64 or 128 values";
  const OperandSizes sizes{call.units / call.inner / call.heads, call.mask.keys, call.inner,
                           call.heads, head_dim};
  OperandSizes queries = sizes;
  queries.positions = call.queries;
  const char* reason = refusal_of(box_of(call.query, queries, kHopperOwnRows));
  const AttentionOperand* others[2] = {&call.key, &call.value};
  for (const auto* operand : others) {
    if (reason == nullptr) reason = refusal_of(box_of(*operand, sizes, kHopperOwnRows));
  }
  if (reason == nullptr && is_backward) {
    reason = refusal_of(box_of(call.result, queries, kHopperOwnRows));
  }
  return reason;
}

/// `encode` makes a TensorMap of a TensorBox.
template <class Encode>
HopperAttentionCall hopper_call(const FlashAttentionCall& flash, HopperKernel kernel,
                                int64_t head_dim, const Encode& encode) {
  const auto sizes_of = [&](int64_t positions) {
    return OperandSizes{flash.units / flash.inner / flash.heads, positions, flash.inner,
                        flash.heads, head_dim};
  };
  const int other = hopper_other_rows(kernel, head_dim);
  const auto maps = [&](const AttentionOperand& of, int64_t positions) {
    const auto sizes = sizes_of(positions);
    return HopperMaps{encode(box_of(of, sizes, kHopperOwnRows)),
                      encode(box_of(of, sizes, static_cast<uint32_t>(other)))};
  };
  HopperAttentionCall call{flash,
                           maps(flash.query, flash.queries),
                           maps(flash.key, flash.mask.keys),
                           maps(flash.value, flash.mask.keys),
                           {},
                           {}};
  if (kernel == HopperKernel::forward) return call;
  call.grad = maps(flash.result, flash.queries);
  call.terms = encode(box_of_terms(flash.row_terms, flash.units, flash.padded_queries,
                                   static_cast<uint32_t>(other)));
  return call;
}

}  // namespace nextframe
