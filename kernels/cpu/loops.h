// This file is the seam between LibTorch and the loops that are compiled once an instruction set;
// those include nothing that another source file could share.
#pragma once

#include <cstdint>

#include "kernels/attention_mask.h"

namespace nextframe::cpu {

/// Attention's rows stand in registers and on the stack: wider heads are not for these loops.
inline constexpr int64_t kMaxHeadDim = 256;

/// A [outer, positions, inner, heads, head_dim] tensor with neighbouring values in the last
/// dimension.
struct AttentionOperand {
  void* data;                            // float or bfloat16
  int64_t outer, position, inner, head;  // strides in elements
};

/// One call. A unit is one (outer, inner, head); units are numbered with the head fastest, then
/// inner.
struct AttentionCall {
  int64_t outer, queries, inner, heads, head_dim;  // head_dim at most kMaxHeadDim
  AttentionOperand query, key, value;
  AttentionOperand result;  // forward writes it; backward reads its gradient
  AttentionOperand grad_query, grad_key, grad_value;  // backward writes them
  bool is_bf16;
  bool normalise;  // queries and keys: x / sqrt(mean(x^2) + epsilon)
  float epsilon;
  const float* cosine;  // [positions, head_dim / 2], or null: not turned
  const float* sine;
  float scale;  // of the scores, above 0
  AttentionMask mask;

  int64_t units() const { return outer * inner * heads; }
};

/// Rows of `width` neighbouring values. `void` pointers below are bfloat16 or float, as is_bf16
/// says.
struct RowsCall {
  int64_t rows, width;
  bool is_bf16;
  float epsilon;  // of a norm
};

struct Loops {
  const char* name;

  /// Units [first, last), in `scratch` of attention_scratch_bytes(call) bytes, 64-byte aligned.
  void (*attention)(const AttentionCall& call, int64_t first, int64_t last, void* scratch);
  void (*attention_backward)(const AttentionCall& call, int64_t first, int64_t last, void* scratch);
  int64_t (*attention_scratch_bytes)(const AttentionCall& call);

  /// sum = x + update, norm = sum / sqrt(mean(sum^2) + epsilon). Without an update sum is not
  /// written; norm may be null.
  void (*add_norm)(const RowsCall& call, const float* x, const void* update, float* sum,
                   void* norm);
  /// The gradient of sum, that of the norm carried back and grad_sum (may be null) added, twice:
  /// rounded too.
  void (*add_norm_backward)(const RowsCall& call, const float* sum, const float* grad_sum,
                            const void* grad_norm, float* grad_x, void* grad_update);

  /// silu(left half) * right half; width is that of the result.
  void (*swiglu)(const RowsCall& call, const void* x, void* result);
  void (*swiglu_backward)(const RowsCall& call, const void* x, const void* grad, void* grad_x);
};

extern const Loops kPortableLoops, kAvx2Loops, kAvx512Loops, kAvx512Bf16Loops;

}  // namespace nextframe::cpu
