// Compares a kernel with its definition: values in float64, gradients by finite differences.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "kernels/torch.h"

namespace nextframe::testing_gradient {

using Tensors = std::vector<at::Tensor>;
using Function = std::function<at::Tensor(const Tensors&)>;

inline at::Tensor random(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble);
}

inline Tensors as(at::ScalarType dtype, const Tensors& inputs) {
  Tensors result;
  for (const auto& input : inputs) {
    result.push_back(input.to(dtype).detach().clone().set_requires_grad(true));
  }
  return result;
}

/// d/d input of sum(weights * f), by central differences in float64.
inline at::Tensor slope(const Function& f, const Tensors& inputs, size_t which,
                        const at::Tensor& weights) {
  const torch::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  auto moved = inputs;
  auto result = at::empty_like(inputs[which]);
  for (int64_t i = 0; i < result.numel(); ++i) {
    double ends[2];
    for (const int side : {0, 1}) {
      moved[which] = inputs[which].clone();
      moved[which].view(-1)[i].add_(side == 0 ? -kStep : kStep);
      ends[side] = (f(moved) * weights).sum().item<double>();
    }
    result.view(-1)[i] = (ends[1] - ends[0]) / (2 * kStep);
  }
  return result;
}

/// The size of `got - expected` against that of `expected`.
inline double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  const auto size = expected.norm().clamp_min(1e-3);  // a gradient may be 0 throughout
  return ((got.to(at::kDouble) - expected).norm() / size).item<double>();
}

/// f of float32 and of bfloat16 inputs agrees with f of float64 inputs, and so do its gradients.
inline void expect_agrees(const Function& f, const Tensors& inputs) {
  const auto expected = f(inputs);
  const auto weights = random(expected.sizes(), 99);
  for (const auto& [dtype, tolerance] :
       {std::pair{at::kFloat, 2e-6}, std::pair{at::kBFloat16, 1.5e-2}}) {
    const auto rounded = as(dtype, inputs);
    const auto got = f(rounded);
    EXPECT_LT(relative_error(got, expected), tolerance) << dtype;
    (got * weights.to(got.dtype())).sum().backward();
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_LT(relative_error(rounded[i].grad(), slope(f, inputs, i, weights)), 2 * tolerance)
          << dtype << " input " << i;
    }
  }
}

}  // namespace nextframe::testing_gradient
