// The table of CPU kernels (loops). They are compiled once for each instruction set, so they know
// nothing of LibTorch and share no function with other source files.
#pragma once

#include <cstdint>

#include "kernels/attention_mask.h"

namespace nextframe::cpu {

/// The widest head that these loops take, since rows of attention are kept in registers and on the
/// stack.
inline constexpr int64_t kMaxHeadDim = 256;

/// A [outer, positions, inner, heads, head_dim] tensor, contiguous in the last dimension.
struct AttentionOperand {
  void* data;                            // float or bfloat16
  int64_t outer, position, inner, head;  // strides in elements
};

/// One call of attention. A unit is one (outer, inner, head), that is one head of one
/// sequence; units are numbered with the head fastest, then inner.
struct AttentionCall {
  int64_t outer, queries, inner, heads, head_dim;  // head_dim at most kMaxHeadDim
  AttentionOperand query, key, value;
  AttentionOperand result;  // forward writes it; backward reads its gradient
  AttentionOperand grad_query, grad_key, grad_value;  // backward writes them
  bool is_bf16;
  bool uses_streaming_stores;  // // results are float, every row is aligned to 64 bytes, and they
                               // exceed the cache
  bool normalise;              // QK-norm: x / sqrt(mean(x^2) + epsilon)
  float epsilon;
  const float* cosine;  // RoPE angles [positions, head_dim / 2], or null: no RoPE
  const float* sine;
  float scale;  // of the scores, above 0
  AttentionMask mask;

  int64_t units() const { return outer * inner * heads; }
};

/// One decoding step with a KV cache, see kernels/decode_attention.h. `step` has one new query
/// and key for each unit, with their RoPE angles.
struct DecodeCall {
  AttentionCall step;
  AttentionOperand ring_key, ring_value;
  int64_t slots, slot, seen;  // the newest is `slot`

  NF_MASK_FUNCTION int64_t oldest_slot() const {
    const int64_t oldest = slot + 1 - seen;
    return oldest < 0 ? oldest + slots : oldest;
  }
};

/// Contiguous rows of `width` values. `void` pointers below are bfloat16 if is_bf16, else
/// float.
struct RowsCall {
  int64_t rows, width;
  bool is_bf16;
  float epsilon;  // of a norm
};

enum class LinearSource {
  kRows,  // x is bfloat16 [rows, in]
  kNorm,  // x is float32 [rows, in], the product takes x / sqrt(mean(x^2) + epsilon)
  kGate,  // x is bfloat16 [rows, 2 in], the product takes silu(left half) * right half
};

/// A linear layer of bfloat16 rows, x W^T. `in` and `out` are multiples of kLinearAlignment.
struct LinearCall {
  int64_t rows, in, out;
  LinearSource source;
  const void* x;
  float epsilon;
  const float* sum;         // [rows, out]: y = sum + x W^T in float32; null: y = x W^T in bfloat16
  void* y;                  // forward writes it
  const void* grad;         // of y, as y
  const float* grad_x_sum;  // of a norm: another gradient that is added to x's, or null
  void* grad_x;             // as x, or null if it is not wanted
};

inline constexpr int64_t kLinearAlignment = 32;
inline constexpr int64_t kLinearRows =
    96;  // a unit of work; even, so that pairs of rows stay together

/// The three products of a linear layer, each over a range of units; null in Loops where
/// LibTorch's own products are as fast. Packed sizes are in words of 4 bytes.
struct LinearLoops {
  /// Rows [first, last) of the weight [out, in], multiples of kLinearAlignment, rounded to bfloat16
  /// in the order in which forward reads them: out * in / 2 words.
  void (*pack_forward)(const float* weight, int64_t out, int64_t in, int64_t first, int64_t last,
                       uint32_t* packed);
  /// The same, in the order in which backward reads them.
  void (*pack_backward)(const float* weight, int64_t out, int64_t in, int64_t first, int64_t last,
                        uint32_t* packed);

  /// Units of kLinearRows rows [first, last), in `scratch` of linear_scratch_bytes, 64-byte
  /// aligned.
  void (*forward)(const LinearCall& call, const uint32_t* packed, int64_t first, int64_t last,
                  void* scratch);
  /// Computes grad_x, and packs both factors of the weight's gradient: ceil(rows / 2) * out
  /// words and ceil(rows / 2) * in words.
  void (*backward)(const LinearCall& call, const uint32_t* packed, int64_t first, int64_t last,
                   void* scratch, uint32_t* grad_pairs, uint32_t* x_pairs);
  /// Rows [first, last) of grad_weight [out, in].
  void (*grad_weight)(const LinearCall& call, const uint32_t* grad_pairs, const uint32_t* x_pairs,
                      int64_t first, int64_t last, float* grad_weight);
  int64_t (*scratch_bytes)(const LinearCall& call);
};

/// Frames [clip_frames of each clip, height_px, width_px, channels] and their patches, see
/// kernels/patchify.h.
struct PatchCall {
  int64_t clip_frames, height_px, width_px, channels, patch_px, halo_px;
  bool frames_are_bytes;  // else float
  bool patches_are_bf16;  // else float
  bool with_changes;      // each patch is followed by its change since the previous frame
  void* frames;
  const void* before;  // with changes: the frame before the first one of each clip; null: no change
  void* patches;
};

/// The numbers of AdamW that change from step to step, in the memory of the device that reads them.
struct AdamWNumbers {
  float gradient_scale, shrink, step_size, inverse_root_correction2, ema_decay, one_minus_ema;
  float is_bad;  // not 0: nothing is written
};

/// One step of AdamW over flat buffers, see kernels/adamw.h.
struct AdamWCall {
  float *value, *moment1, *moment2;
  float* average;  // or null
  const float* gradient;
  const AdamWNumbers* numbers;
  float beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon;
  bool shrinks;  // weight decay: multiply by numbers->shrink
};

struct Loops {
  const char* name;

  /// Units [first, last), in `scratch` of attention_scratch_bytes(call) bytes, 64-byte aligned.
  void (*attention)(const AttentionCall& call, int64_t first, int64_t last, void* scratch);
  void (*attention_backward)(const AttentionCall& call, int64_t first, int64_t last, void* scratch);
  int64_t (*attention_scratch_bytes)(const AttentionCall& call);
  void (*decode)(const DecodeCall& call, int64_t first, int64_t last, void* scratch);
  int64_t (*decode_scratch_bytes)(const DecodeCall& call);

  /// sum = x + update, norm = sum / sqrt(mean(sum^2) + epsilon). `update` may be null, then
  /// sum is not written; norm may be null.
  void (*add_norm)(const RowsCall& call, const float* x, const void* update, float* sum,
                   void* norm);
  /// The gradient of sum: that through the norm, plus grad_sum (may be null). Written to
  /// grad_x, and rounded to grad_update.
  void (*add_norm_backward)(const RowsCall& call, const float* sum, const float* grad_sum,
                            const void* grad_norm, float* grad_x, void* grad_update);

  /// silu(left half) * right half; width is that of the result.
  void (*swiglu)(const RowsCall& call, const void* x, void* result);
  void (*swiglu_backward)(const RowsCall& call, const void* x, const void* grad, void* grad_x);

  /// Frames [first, last), counted over all clips.
  void (*cut_patches)(const PatchCall& call, int64_t first, int64_t last);
  void (*join_patches)(const PatchCall& call, int64_t first, int64_t last);
  /// To [-1, 1].
  void (*scale_bytes)(const uint8_t* bytes, int64_t count, float* pixels);

  /// The sum of (a - b)^2 for each frame of `size` numbers; backward gives the gradient of a.
  void (*squared_error)(const float* a, const float* b, int64_t frames, int64_t size,
                        float* result);
  void (*squared_error_backward)(const float* a, const float* b, const float* grad, int64_t frames,
                                 int64_t size, float* grad_a);

  /// Loss log(sum(exp(logits))) - logit of the target; log_sums keeps the first term for backward.
  void (*cross_entropy)(const RowsCall& call, const void* logits, const int64_t* targets,
                        float* losses, float* log_sums);
  void (*cross_entropy_backward)(const RowsCall& call, const void* logits, const int64_t* targets,
                                 const float* log_sums, const float* grad, void* grad_logits);

  /// The first `count` numbers of a Philox key, four to a counter; see kernels/draws.h.
  void (*draw_uniforms)(uint64_t key, int64_t count, float* to);
  void (*draw_normals)(uint64_t key, int64_t count, float* to);

  /// Elements [first, last).
  void (*adamw)(const AdamWCall& call, int64_t first, int64_t last);
  double (*squared_norm)(const float* x, int64_t count);

  const LinearLoops* linear;
};

/// One table for each instruction set. The last one is for machines with AMX, where LibTorch's
/// products are faster than ours.
extern const Loops kPortableLoops, kAvx2Loops, kAvx512Loops, kAvx512Bf16Loops, kAmxLoops;

}  // namespace nextframe::cpu
