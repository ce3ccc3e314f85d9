// Turns tensors into a call of short attention, or finds that they do not fit one. Needs no CUDA,
// so that tests can use it, too.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "kernels/attention.h"
#include "kernels/cuda/attention_tensors.h"
#include "kernels/cuda/short_attention_call.h"

namespace nextframe {

/// Whether the kernels answer such queries of such keys.
inline bool is_short_attention(const at::Tensor& query, const at::Tensor& key,
                               const AttentionOptions& options) {
  const int64_t length = std::max(query.size(1), key.size(1));
  return has_kernel_rows(query, key, options) && length <= kMaxShortLength &&
         query.size(0) * query.size(2) * query.size(3) <= std::numeric_limits<int32_t>::max() &&
         options.mask.first_query <= std::numeric_limits<int32_t>::max() - kMaxShortLength;
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
  call.query = attention_operand(query);
  call.key = attention_operand(key);
  call.value = attention_operand(value);
  take_options(call, options, key.size(1));
  return call;
}

}  // namespace nextframe
