#include "kernels/attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/softmax.h"

namespace nextframe {

at::Tensor attention(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                     Along along, double logit_scale) {
  const auto heads = split_heads(projections, num_heads, rotation, along);
  const double scale = logit_scale / std::sqrt(static_cast<double>(heads.query_SLF.size(2)));
  const auto scores_SLL = at::bmm(heads.query_SLF, heads.key_SLF.transpose(1, 2));
  const auto shares_SLL = attention_softmax(scores_SLL, scale, /*causal=*/along == Along::time);
  auto sizes_BTND = projections.sizes().vec();
  sizes_BTND[3] /= 3;
  return merge_heads(at::bmm(shares_SLL, heads.value_SLF), sizes_BTND, num_heads, along);
}

}  // namespace nextframe
