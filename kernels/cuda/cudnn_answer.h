// Flash attention by cuDNN, which saves the same log-sums as our own kernels, so that either's
// backward works with either's forward. Needs no CUDA: cuDNN is passed in, so that tests run all of
// it on the CPU.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "kernels/cuda/cudnn_call.h"
#include "kernels/cuda/flash_attention_plan.h"

namespace nextframe {

/// log_sums [units, padded_queries] are logarithms to the base 2, infinite where no query is;
/// statistics [units, queries] are natural.
inline void keep_statistics(const at::Tensor& stats, const at::Tensor& log_sums) {
  auto real = log_sums.slice(1, 0, stats.size(1));
  at::mul_out(real, stats, at::scalar_tensor(1 / std::log(2.0), at::kFloat));
  log_sums.slice(1, stats.size(1)).fill_(std::numeric_limits<float>::infinity());
}
inline at::Tensor kept_statistics(const at::Tensor& log_sums, int64_t queries) {
  return (log_sums.slice(1, 0, queries) * std::log(2.0)).contiguous();
}

/// Answers a call without a refusal, or says why it does not.
using CudnnAnswer = std::function<std::string(const CudnnCall& call)>;

/// Why the call was not answered, or an empty text. See FlashKernels::elsewhere.
inline std::string answer_by_cudnn(const CudnnAnswer& answer, const FlashAttentionCall& flash,
                                   const FlashResult& made, bool is_backward) {
  const auto& result = made.result;
  CudnnCall call{flash,
                 result.scalar_type() == at::kHalf ? HalfFormat::fp16 : HalfFormat::bf16,
                 result.size(4),
                 is_backward,
                 attention_operand(result),
                 nullptr};
  if (const char* refusal = cudnn_refusal(call)) return refusal;
  const auto stats = is_backward ? kept_statistics(made.log_sums, flash.queries)
                                 : at::empty({flash.units, flash.queries}, made.log_sums.options());
  call.stats = stats.data_ptr<float>();
  const auto refusal = answer(call);
  if (refusal.empty() && !is_backward) keep_statistics(stats, made.log_sums);
  return refusal;
}

}  // namespace nextframe
