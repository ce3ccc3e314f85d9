// This file is tensors as a call of short attention, or the finding that they are not one. Needs no
// CUDA, so that tests make their calls by it too.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "kernels/attention.h"
#include "kernels/cuda/short_attention_call.h"
#include "kernels/norm.h"

namespace nextframe {

/// Whether the kernels answer such queries of such keys.
inline bool is_short_attention(const at::Tensor& query, const at::Tensor& key,
                               const AttentionOptions& options) {
  const auto dtype = query.scalar_type();
  const int64_t head_dim = query.size(4), length = std::max(query.size(1), key.size(1));
  const auto& cosine = options.rotation.cosine_LP;
  const auto& sine = options.rotation.sine_LP;
  const auto readable = [&](const at::Tensor& table) {
    return table.is_contiguous() && table.scalar_type() == at::kFloat &&
           table.device() == query.device();
  };
  return (dtype == at::kBFloat16 || dtype == at::kHalf) &&
         (head_dim == 32 || head_dim == 64 || head_dim == 128) && length <= kMaxShortLength &&
         query.numel() > 0 && key.numel() > 0 &&
         query.size(0) * query.size(2) * query.size(3) <= std::numeric_limits<int32_t>::max() &&
         options.mask.first_query <= std::numeric_limits<int32_t>::max() - kMaxShortLength &&
         (!cosine.defined() || (readable(cosine) && readable(sine)));
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

inline ShortAttentionOperand short_attention_operand(const at::Tensor& x_OLIKF) {
  return {x_OLIKF.data_ptr(), x_OLIKF.stride(0), x_OLIKF.stride(1), x_OLIKF.stride(2),
          x_OLIKF.stride(3)};
}

/// All but what it writes, and the gradient that it reads. Rows are aligned.
inline ShortAttentionCall short_attention_call(const at::Tensor& query, const at::Tensor& key,
                                               const at::Tensor& value,
                                               const AttentionOptions& options) {
  ShortAttentionCall call{};
  call.units = static_cast<uint32_t>(query.size(0) * query.size(2) * query.size(3));
  call.inner = static_cast<uint32_t>(query.size(2));
  call.heads = static_cast<uint32_t>(query.size(3));
  call.queries = static_cast<int32_t>(query.size(1));
  call.query = short_attention_operand(query);
  call.key = short_attention_operand(key);
  call.value = short_attention_operand(value);
  call.normalise = options.normalise;
  call.epsilon = static_cast<float>(kNormEpsilon);
  if (options.rotation.cosine_LP.defined()) {
    call.cosine = options.rotation.cosine_LP.const_data_ptr<float>();
    call.sine = options.rotation.sine_LP.const_data_ptr<float>();
  }
  call.scale = static_cast<float>(options.scale);
  call.mask = options.mask;
  call.mask.keys = key.size(1);
  return call;
}

}  // namespace nextframe
