// What a tokenizer knows of its own latents over the training data: their scale, and which codes
// are used. Both are running sums (model/running_sum.h).
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>

#include "model/parameters.h"

namespace nextframe {

/// Mean and covariance of tokens of E values, as a running sum [E + 2, E]: the count, the sums, and
/// the sums of products.
class LatentStatistics {
 public:
  void make(torch::nn::Module& owner, const ParameterMaker& make, int64_t width);

  /// carry() of the tokens [B, T, L, E] of valid frames.
  at::Tensor carry_tokens(const at::Tensor& tokens_BTLE, const at::Tensor& valid_BT) const;

  at::Tensor mean_E() const;

  /// Standard deviation, at least 1e-3; 1 while nothing is known.
  at::Tensor deviation_E() const;

  /// latent_std: the root of the mean variance. latent_rank: the effective rank of the covariance,
  /// exp of the entropy of its eigenvalues (Roy and Vetterli 2007).
  std::map<std::string, double> monitors() const;

 private:
  at::Tensor covariance_EE() const;

  at::Tensor sums_;
};

/// How often each of V codes was used, as a running sum [V].
class CodeUsage {
 public:
  void make(torch::nn::Module& owner, const ParameterMaker& make, int64_t num_codes);

  /// carry() of the codes [B, T, N] of valid frames.
  at::Tensor carry_codes(const at::Tensor& codes_BTN, const at::Tensor& valid_BT) const;

  std::map<std::string, double> monitors() const;

 private:
  at::Tensor counts_V_;
};

/// Of counts of codes. codes_used: the share of codes with at least 1 % of the mean count.
/// code_perplexity: exp of the entropy of the counts, as many codes as used evenly would be.
std::map<std::string, double> code_monitors(const at::Tensor& counts_V);

}  // namespace nextframe
