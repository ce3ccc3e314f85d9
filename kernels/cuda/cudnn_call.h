// Flash attention calls as cuDNN takes them: which calls it can answer, and their layout.
#pragma once

#include "kernels/cuda/cudnn_problem.h"
#include "kernels/cuda/flash_attention_call.h"
#include "kernels/flash_choice.h"

namespace nextframe {

struct CudnnCall {
  FlashAttentionCall flash;  // of a backward, `result` is the gradient
  HalfFormat format;
  int64_t head_dim;
  bool is_backward;
  AttentionOperand result;  // forward writes it, backward reads it
  float* stats;  // [units, queries], see CudnnProblem; forward writes it, backward reads it
};

inline std::array<AttentionOperand, kCudnnOperands> operands_of(const CudnnCall& call) {
  const auto& flash = call.flash;
  if (!call.is_backward) return {flash.query, flash.key, flash.value, call.result};
  return {flash.query,  flash.key,        flash.value,    call.result,
          flash.result, flash.grad_query, flash.grad_key, flash.grad_value};
}

/// A tensor of cuDNN's has four dimensions, ours have five: inner groups become heads or sequences.
/// Units keep their numbers either way, the head is fastest, then inner.
enum class Fold { into_heads, into_batch };

inline bool can_fold(const AttentionOperand& x, Fold fold, const FlashAttentionCall& flash) {
  if (flash.inner == 1) return true;
  if (fold == Fold::into_heads) return flash.heads == 1 || x.inner == flash.heads * x.head;
  return flash.units == flash.inner * flash.heads || x.outer == flash.inner * x.inner;
}

inline bool can_fold(const CudnnCall& call, Fold fold) {
  const auto operands = operands_of(call);
  bool can = true;
  for (int i = 0; i < (call.is_backward ? kCudnnOperands : kForwardOperands); ++i) {
    can = can && can_fold(operands[i], fold, call.flash);
  }
  return can;
}

/// Of a call that has no refusal.
inline CudnnProblem cudnn_problem(const CudnnCall& call) {
  const auto& flash = call.flash;
  const Fold fold = can_fold(call, Fold::into_heads) ? Fold::into_heads : Fold::into_batch;
  const int64_t heads = fold == Fold::into_heads ? flash.inner * flash.heads : flash.heads;
  CudnnProblem problem{call.is_backward,
                       standard_mask(flash.mask, flash.queries) == StandardMask::causal,
                       call.format,
                       flash.units / heads,
                       heads,
                       flash.queries,
                       flash.mask.keys,
                       call.head_dim,
                       flash.scale,
                       {}};
  const auto operands = operands_of(call);
  for (int i = 0; i < problem.operands(); ++i) {
    const auto& x = operands[i];
    const bool inner_is_head = fold == Fold::into_heads && flash.heads == 1 && flash.inner > 1;
    CudnnStrides strides{fold == Fold::into_heads || flash.inner == 1 ? x.outer : x.inner,
                         inner_is_head ? x.inner : x.head, x.position};
    // Never used where there is one alone, and may then be anything; plans are kept by strides.
    if (problem.heads == 1) strides.head = problem.head_dim;
    if (problem.positions(i) == 1) strides.position = problem.heads * problem.head_dim;
    if (problem.batch == 1) strides.batch = problem.positions(i) * strides.position;
    problem.strides[i] = strides;
  }
  return problem;
}

/// More memory than this is not taken for backward in a fixed order.
inline constexpr int64_t kMostFixedOrderBytes = int64_t{8} << 30;

/// Why cuDNN is not asked for a plan, or null.
inline const char* cudnn_refusal(const CudnnCall& call) {
  if (call.head_dim > 128) return "heads have more than 128 values";
  if (call.head_dim % 8 != 0) return "the number of a head's values is no multiple of 8";
  if (standard_mask(call.flash.mask, call.flash.queries) == StandardMask::other) {
    return "the mask is neither plain causal nor full";
  }
  if (!can_fold(call, Fold::into_heads) && !can_fold(call, Fold::into_batch)) {
    return "inner groups lie neither as heads nor as sequences";
  }
  const auto problem = cudnn_problem(call);
  const auto operands = operands_of(call);
  for (int i = 0; i < problem.operands(); ++i) {
    const auto& strides = problem.strides[i];
    if (reinterpret_cast<uintptr_t>(operands[i].data) % 16 != 0) {
      return "an address is no multiple of 16";
    }
    for (const int64_t stride : {strides.batch, strides.head, strides.position}) {
      if (stride % 8 != 0) return "a stride is no multiple of 16 bytes";
      if (stride <= 0) return "rows are repeated, a stride is 0";
    }
  }
  if (call.is_backward && fixed_order_bytes(problem) > kMostFixedOrderBytes) {
    return "backward in a fixed order would take more than 8 GiB";
  }
  return nullptr;
}

}  // namespace nextframe
