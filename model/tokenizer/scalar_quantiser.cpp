#include "model/tokenizer/scalar_quantiser.h"

#include <numeric>

#include "kernels/torch.h"

namespace nextframe {
namespace {

/// 2 sigmoid(1.6 x) - 1, which uses the levels more evenly than tanh (iFSQ, arXiv 2601.17124).
at::Tensor bounded(const at::Tensor& raw) { return (raw * 1.6).sigmoid() * 2 - 1; }

}  // namespace

void ScalarQuantiserConfig::fields(FieldVisitor& field) {
  field("digits", digits, "levels of each digit of a token; their product is the number of codes",
        Range{2, 1024});
  field("continuous_steps", continuous_steps, "steps before digits are rounded", Range{0, 1e12});
}

void ScalarQuantiserConfig::check(const Report& report) const {
  double codes = 1;
  for (const int64_t levels : digits) codes *= static_cast<double>(levels);
  if (digits.empty()) report("digits", "is empty; 8, 5, 5, 5 makes 1,000 codes");
  if (codes > 65536) report("digits", c10::str("makes ", codes, " codes; at most 65536"));
}

int64_t ScalarQuantiserConfig::num_codes() const {
  return std::accumulate(digits.begin(), digits.end(), int64_t{1}, std::multiplies<>());
}

ScalarQuantiser::ScalarQuantiser(const ScalarQuantiserConfig& config, torch::nn::Module& owner)
    : config_(config) {
  std::vector<float> half;
  std::vector<int64_t> base;
  int64_t place = 1;
  for (const int64_t levels : config.digits) {
    half.push_back(static_cast<float>(levels - 1) / 2);
    base.push_back(place);
    place *= levels;
  }
  half_E_ = owner.register_buffer("half_levels", at::tensor(half));
  base_E_ = owner.register_buffer("digit_bases", at::tensor(base));
  levels_E_ = owner.register_buffer("digit_levels", at::tensor(config.digits));
}

/// Of values in (-1, 1): the nearest levels, counted from 0, as floats.
at::Tensor ScalarQuantiser::digits_of(const at::Tensor& bounded) const {
  return ((bounded + 1) * half_E_).round();
}

at::Tensor ScalarQuantiser::codes_of(const at::Tensor& raw) const {
  return (digits_of(bounded(raw)).to(at::kLong) * base_E_).sum(-1);
}

at::Tensor ScalarQuantiser::values_of(const at::Tensor& codes) const {
  const auto digits = codes.unsqueeze(-1).div(base_E_, "floor").remainder(levels_E_);
  return digits.to(at::kFloat) / half_E_ - 1;
}

at::Tensor ScalarQuantiser::squeezed(const at::Tensor& raw, const at::Tensor& draw) const {
  const auto smooth = bounded(raw), fixed = smooth.detach();
  const auto rounded = smooth + (digits_of(fixed) / half_E_ - 1 - fixed);
  const auto rounds = draw.select(0, 1).ge(config_.continuous_steps);  // stays on the device
  return at::where(rounds, rounded, smooth);
}

at::Tensor ScalarQuantiser::one_hot_digits() const {
  const auto digits_VE = at::arange(config_.num_codes(), at::kLong)
                             .unsqueeze(-1)
                             .div(base_E_, "floor")
                             .remainder(levels_E_);
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < config_.digits.size(); ++i)
    parts.push_back(at::one_hot(digits_VE.select(1, static_cast<int64_t>(i)), config_.digits[i]));
  return at::cat(parts, 1).to(at::kFloat);
}

}  // namespace nextframe
