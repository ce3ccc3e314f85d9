// Attention on the CPU: picks the loops for this machine's instruction set and hands tensors to
// them.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention.h"
#include "kernels/cpu/choose_loops.h"
#include "kernels/decode_attention.h"

namespace nextframe::cpu {

/// See nextframe::attention; float32 or bfloat16, on the CPU.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionOptions& options, const Loops& with = loops());

/// Writes all gradients into the given tensors, which have the inputs' shapes.
void attention_backward(const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key,
                        const at::Tensor& value, const AttentionOptions& options,
                        const at::Tensor& grad_query, const at::Tensor& grad_key,
                        const at::Tensor& grad_value, const Loops& with = loops());

/// See nextframe::decode_attention; one new token a sequence, float32 or bfloat16, on the CPU.
at::Tensor decode_attention(const at::Tensor& projections, const KvCache& ring,
                            const DecodeOptions& options, const Loops& with = loops());

}  // namespace nextframe::cpu
