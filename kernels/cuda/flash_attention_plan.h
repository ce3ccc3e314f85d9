// The sequence of flash attention's kernels and the tensors between them: QK-norm and RoPE,
// attention, and their gradients. Needs no CUDA: kernels are passed in, so that tests run all of it
// on the CPU.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/cuda/attention_tensors.h"
#include "kernels/cuda/flash_attention_call.h"
#include "kernels/norm.h"

namespace nextframe {

/// Queries, keys and values, or their gradients.
struct AttentionTensors {
  at::Tensor query, key, value;
};

struct FlashResult {
  at::Tensor result;    // as queries, contiguous
  at::Tensor log_sums;  // what backward wants besides
};

/// Starts kernels. `touched` are all tensors that the call points into.
struct FlashKernels {
  using Tensors = std::vector<at::Tensor>;
  std::function<void(const FlashAttentionCall&call, const Tensors&touched)> forward, backward;
  std::function<void(AttentionPass pass, const AttentionRowsCall& call, const Tensors& touched)>
      pass;
  /// Asked first where there is one: answers the whole call, writing what was made or, given that,
  /// the gradients, without row terms; or does nothing and says no.
  std::function<bool(const FlashAttentionCall& call, const FlashResult& made, bool is_backward)>
      elsewhere = {};
};

/// Whether the kernels answer such queries of such keys.
inline bool is_flash_attention(const at::Tensor& query, const at::Tensor& key,
                               const AttentionOptions& options) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max() - kFlashPadding;
  const int64_t units = query.size(0) * query.size(2) * query.size(3);
  const int64_t length = std::max(query.size(1), key.size(1));
  return has_kernel_rows(query, key, options) && units * (length + kFlashPadding) <= kMost &&
         options.mask.first_query <= kMost - length;
}

/// One call of attention in the kernels' hands.
class FlashPlan {
 public:
  FlashPlan(FlashKernels kernels, const AttentionTensors& inputs, const AttentionOptions& options)
      : kernels_(std::move(kernels)),
        options_(options),
        inputs_{with_aligned_rows(inputs.query), with_aligned_rows(inputs.key),
                with_aligned_rows(inputs.value)},
        placed_{placed(inputs_.query, options.mask.first_query), placed(inputs_.key, 0),
                inputs_.value} {}

  FlashResult forward() const {
    const auto& query = placed_.query;
    auto call = flash_call();
    const int64_t units = call.units;
    FlashResult made{at::empty(query.sizes(), query.options()),
                     at::empty({units, call.padded_queries}, query.options().dtype(at::kFloat))};
    call.result = attention_operand(made.result);
    call.log_sums = made.log_sums.data_ptr<float>();
    if (!is_answered_elsewhere(call, made, false)) {
      kernels_.forward(call, {query, placed_.key, placed_.value, made.result, made.log_sums});
    }
    return made;
  }

  /// Writes the gradients, all of them, into tensors with aligned rows.
  void backward(const at::Tensor& grad_of_result, const FlashResult& made,
                const AttentionTensors& grads) const {
    const auto grad = with_aligned_rows(grad_of_result);
    const FlashResult aligned{with_aligned_rows(made.result), made.log_sums};
    auto call = flash_call();
    call.result = attention_operand(grad);
    call.grad_query = attention_operand(grads.query);
    call.grad_key = attention_operand(grads.key);
    call.grad_value = attention_operand(grads.value);
    if (!is_answered_elsewhere(call, aligned, true)) {
      const auto terms = row_terms(grad, aligned);
      call.row_terms = terms.data_ptr<float>();
      kernels_.backward(call, {placed_.query, placed_.key, placed_.value, grad, terms, grads.query,
                               grads.key, grads.value});
    }
    if (!places()) return;
    carry_back(inputs_.query, grads.query, options_.mask.first_query);
    carry_back(inputs_.key, grads.key, 0);
  }

 private:
  bool is_answered_elsewhere(const FlashAttentionCall& call, const FlashResult& made,
                             bool is_backward) const {
    return kernels_.elsewhere && kernels_.elsewhere(call, made, is_backward);
  }

  bool places() const { return options_.normalise || options_.rotation.cosine_LP.defined(); }

  FlashAttentionCall flash_call() const {
    const auto& query = placed_.query;
    FlashAttentionCall call{};
    call.units = static_cast<uint32_t>(query.size(0) * query.size(2) * query.size(3));
    call.inner = static_cast<uint32_t>(query.size(2));
    call.heads = static_cast<uint32_t>(query.size(3));
    call.queries = static_cast<int32_t>(query.size(1));
    call.padded_queries = (call.queries + kFlashPadding - 1) / kFlashPadding * kFlashPadding;
    call.query = attention_operand(query);
    call.key = attention_operand(placed_.key);
    call.value = attention_operand(placed_.value);
    call.scale = static_cast<float>(options_.scale);
    call.mask = options_.mask;
    call.mask.keys = placed_.key.size(1);
    return call;
  }

  AttentionRowsCall rows_call(const at::Tensor& from, const at::Tensor& to) const {
    AttentionRowsCall call{};
    call.inner = static_cast<uint32_t>(from.size(2));
    call.heads = static_cast<uint32_t>(from.size(3));
    call.positions = call.real_positions = static_cast<uint32_t>(from.size(1));
    call.rows = static_cast<uint32_t>(from.size(0)) * call.positions * call.inner * call.heads;
    call.from = attention_operand(from);
    call.to = attention_operand(to);
    call.normalise = options_.normalise;
    call.epsilon = static_cast<float>(kNormEpsilon);
    if (!options_.rotation.cosine_LP.defined()) return call;
    call.cosine = options_.rotation.cosine_LP.const_data_ptr<float>();
    call.sine = options_.rotation.sine_LP.const_data_ptr<float>();
    return call;
  }

  void turn_rows(AttentionPass pass, const at::Tensor& from, const at::Tensor& to,
                 int64_t first) const {
    auto call = rows_call(from, to);
    call.first_position = static_cast<int32_t>(first);
    FlashKernels::Tensors touched = {from, to};
    if (call.cosine != nullptr) {
      touched.insert(touched.end(), {options_.rotation.cosine_LP, options_.rotation.sine_LP});
    }
    kernels_.pass(pass, call, touched);
  }

  at::Tensor placed(const at::Tensor& rows, int64_t first) const {
    if (!places()) return rows;
    const auto result = at::empty(rows.sizes(), rows.options());
    turn_rows(AttentionPass::place, rows, result, first);
    return result;
  }
  void carry_back(const at::Tensor& rows, const at::Tensor& grad, int64_t first) const {
    turn_rows(AttentionPass::carry_back, rows, grad, first);
  }

  at::Tensor row_terms(const at::Tensor& grad, const FlashResult& made) const {
    const auto& result = made.result;
    const auto terms = at::empty({made.log_sums.numel(), 2}, made.log_sums.options());
    auto call = rows_call(result, grad);
    call.positions = static_cast<uint32_t>(made.log_sums.size(1));
    call.rows = static_cast<uint32_t>(made.log_sums.numel());
    call.log_sums = made.log_sums.const_data_ptr<float>();
    call.row_terms = terms.data_ptr<float>();
    kernels_.pass(AttentionPass::row_terms, call, {result, grad, made.log_sums, terms});
    return terms;
  }

  FlashKernels kernels_;
  AttentionOptions options_;
  AttentionTensors inputs_, placed_;
};

}  // namespace nextframe
