// Finite scalar quantisation (Mentzer et al. 2023): a token is a few digits, each rounded to one of
// a few levels, and its code is the number that they make.
#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "kernels/base/fields.h"

namespace nextframe {

struct ScalarQuantiserConfig {
  std::vector<int64_t> digits;
  int64_t continuous_steps = 0;

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
  int64_t num_codes() const;
};

class ScalarQuantiser {
 public:
  /// Its constants are buffers of `owner`.
  ScalarQuantiser(const ScalarQuantiserConfig& config, torch::nn::Module& owner);

  int64_t width() const { return static_cast<int64_t>(config_.digits.size()); }

  /// Of raw numbers [..., E]: codes int64 [...].
  at::Tensor codes_of(const at::Tensor& raw) const;

  /// What stands for codes in the decoder: [..., E] in [-1, 1].
  at::Tensor values_of(const at::Tensor& codes) const;

  /// In training: the values of raw numbers [..., E], rounded with a straight-through gradient, or
  /// not rounded for the first continuous_steps.
  ///   draw  see Model::loss
  at::Tensor squeezed(const at::Tensor& raw, const at::Tensor& draw) const;

  /// [V, sum of levels]: in a network a digit is a choice, not an amount.
  at::Tensor one_hot_digits() const;

 private:
  at::Tensor digits_of(const at::Tensor& bounded) const;

  ScalarQuantiserConfig config_;
  at::Tensor half_E_, base_E_, levels_E_;
};

}  // namespace nextframe
