#include "model/tokenizer/latent_statistics.h"

#include "kernels/torch.h"
#include "model/running_sum.h"

namespace nextframe {
namespace {

/// exp of the entropy of what is not negative, scaled to a sum of 1.
double exp_of_entropy(const at::Tensor& amounts) {
  const auto positive = amounts.to(at::kDouble).cpu().clamp_min(0);
  const auto shares = positive / positive.sum().clamp_min(1e-300);
  return std::exp(-(shares * shares.clamp_min(1e-300).log()).sum().item<double>());
}

}  // namespace

void LatentStatistics::make(torch::nn::Module& owner, const ParameterMaker& make, int64_t width) {
  sums_ = make.constant(owner, "running_latents", {width + 2, width}, 0);
}

at::Tensor LatentStatistics::carry_tokens(const at::Tensor& tokens_BTLE,
                                          const at::Tensor& valid_BT) const {
  const auto tokens = tokens_BTLE.detach();
  const int64_t width = tokens.size(3);
  const auto valid = valid_BT.view({valid_BT.size(0), valid_BT.size(1), 1, 1}).expand_as(tokens);
  const auto rows = (tokens * valid).reshape({-1, width});
  return carry(sums_,
               at::cat({valid.sum({0, 1, 2}).unsqueeze(0), rows.sum(0, true), rows.t().mm(rows)}));
}

at::Tensor LatentStatistics::mean_E() const {
  const auto sums = sums_.detach();
  return sums[1] / sums[0].clamp_min(1e-6);
}

at::Tensor LatentStatistics::covariance_EE() const {
  const auto mean = mean_E();
  const auto sums = sums_.detach();
  return sums.slice(0, 2) / sums[0].clamp_min(1e-6) - mean.unsqueeze(1) * mean;
}

at::Tensor LatentStatistics::deviation_E() const {
  const auto deviation = covariance_EE().diagonal().clamp_min(0).sqrt().clamp_min(1e-3);
  return at::where(sums_.detach()[0].gt(0), deviation, at::ones_like(deviation));
}

std::map<std::string, double> LatentStatistics::monitors() const {
  const auto covariance = covariance_EE().to(at::kDouble).cpu();
  const auto symmetric = (covariance + covariance.t()) / 2;
  return {{"latent_std", std::sqrt(symmetric.diagonal().clamp_min(0).mean().item<double>())},
          {"latent_rank", exp_of_entropy(at::linalg_eigvalsh(symmetric))}};
}

void CodeUsage::make(torch::nn::Module& owner, const ParameterMaker& make, int64_t num_codes) {
  counts_V_ = make.constant(owner, "running_usage", {num_codes}, 0);
}

at::Tensor CodeUsage::carry_codes(const at::Tensor& codes_BTN, const at::Tensor& valid_BT) const {
  // Sums of ones are exact below 2^24, so no order of the additions shows.
  const auto ones = valid_BT.unsqueeze(2).expand(codes_BTN.sizes()).reshape({-1});
  return carry(counts_V_,
               at::zeros_like(counts_V_.detach()).scatter_add(0, codes_BTN.reshape({-1}), ones));
}

std::map<std::string, double> CodeUsage::monitors() const {
  return code_monitors(counts_V_.detach());
}

std::map<std::string, double> code_monitors(const at::Tensor& counts_V) {
  const auto counts = counts_V.to(at::kDouble).cpu();
  const auto is_used = counts.gt(counts.mean() * 0.01);
  return {{"codes_used", is_used.to(at::kDouble).mean().item<double>()},
          {"code_perplexity", exp_of_entropy(counts)}};
}

}  // namespace nextframe
