// What cuDNN makes a plan for: attention of one shape, layout and mask, in plain numbers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "kernels/cuda/attention_operand.h"

namespace nextframe {

/// Strides in values of a [batch, heads, positions, head_dim] tensor with neighbours in the last
/// dimension.
struct CudnnStrides {
  int64_t batch, head, position;

  auto operator<=>(const CudnnStrides&) const = default;
};

/// Queries and what is shaped as they are have `queries` positions, keys and values `keys`.
enum CudnnOperand { kQuery, kKey, kValue, kResult, kGrad, kGradQuery, kGradKey, kGradValue };
inline constexpr int kForwardOperands = 4, kCudnnOperands = 8;

constexpr bool is_along_keys(int operand) {
  return operand == kKey || operand == kValue || operand == kGradKey || operand == kGradValue;
}

/// Besides the operands there are statistics, float32 [batch, heads, queries]: the natural
/// logarithm of the sum over keys of e^(scale score).
struct CudnnProblem {
  bool is_backward, is_causal;
  HalfFormat format;
  int64_t batch, heads, queries, keys, head_dim;
  float scale;
  std::array<CudnnStrides, kCudnnOperands> strides;  // of a forward the last four are zeros

  auto operator<=>(const CudnnProblem&) const = default;

  int operands() const { return is_backward ? kCudnnOperands : kForwardOperands; }
  int64_t positions(int operand) const { return is_along_keys(operand) ? keys : queries; }
};

/// What backward in a fixed order takes for the products of gradients and values, of every query
/// with every key (cudnn-frontend 1.32, scaled_dot_product_flash_attention.h: the workspace of dP).
constexpr int64_t fixed_order_bytes(const CudnnProblem& problem) {
  const auto up_to = [](int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; };
  return 2 * problem.batch * problem.heads * up_to(problem.queries, 64) * up_to(problem.keys, 128);
}

}  // namespace nextframe
