// Turns tensors into operands of attention's kernels. Needs no CUDA, so that tests can use it, too.
#pragma once

#include <ATen/ATen.h>

#include "kernels/attention_operators.h"
#include "kernels/cuda/attention_operand.h"

namespace nextframe {

/// Whether rows are of a format and width that there are kernels for, and angles can be read.
inline bool has_kernel_rows(const at::Tensor& query, const at::Tensor& key,
                            const AttentionOptions& options) {
  const auto dtype = query.scalar_type();
  const int64_t head_dim = query.size(4);
  const auto& cosine = options.rotation.cosine_LP;
  const auto& sine = options.rotation.sine_LP;
  const auto readable = [&](const at::Tensor& table) {
    return table.is_contiguous() && table.scalar_type() == at::kFloat &&
           table.device() == query.device();
  };
  return (dtype == at::kBFloat16 || dtype == at::kHalf) &&
         (head_dim == 32 || head_dim == 64 || head_dim == 128) && query.numel() > 0 &&
         key.numel() > 0 && (!cosine.defined() || (readable(cosine) && readable(sine)));
}

/// Rows where they are, or copied if the kernels cannot read them there: 16 bytes at a time.
inline at::Tensor with_aligned_rows(const at::Tensor& x_OLIKF) {
  bool aligned =
      x_OLIKF.stride(4) == 1 && reinterpret_cast<uintptr_t>(x_OLIKF.data_ptr()) % 16 == 0;
  for (int64_t d = 0; d < 4; ++d) {
    aligned = aligned && (x_OLIKF.size(d) == 1 || x_OLIKF.stride(d) % 8 == 0);
  }
  return aligned ? x_OLIKF : x_OLIKF.clone(at::MemoryFormat::Contiguous);
}

inline AttentionOperand attention_operand(const at::Tensor& x_OLIKF) {
  return operand_of<AttentionOperand>(x_OLIKF);
}

}  // namespace nextframe
