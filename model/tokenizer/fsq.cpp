// fsq: finite scalar quantisation (Mentzer et al. 2023). A token is a few digits, each rounded to
// one of a few levels, and its code is the number that they make.
//
// Each digit goes through 2 sigmoid(1.6 x) - 1, which uses the levels more evenly than tanh (iFSQ,
// arXiv 2601.17124), and is rounded with a straight-through gradient. For the first
// continuous_steps it is not rounded: the encoder learns what to say before it has to be brief.

#include <numeric>

#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/tokenizer/latent_statistics.h"
#include "model/tokenizer/patch_autoencoder.h"

namespace nextframe {

class Fsq final : public PatchAutoencoder {
 public:
  struct Config : AutoencoderConfig {
    std::vector<int64_t> digits = {8, 5, 5, 5};
    int64_t continuous_steps = 1000;

    void fields(FieldVisitor& field) {
      AutoencoderConfig::fields(field);
      field("digits", digits,
            "levels of each digit of a token; their product is the number of codes",
            Range{2, 1024});
      field("continuous_steps", continuous_steps, "steps before digits are rounded",
            Range{0, 1e12});
    }
    void check(const Report& report) const {
      AutoencoderConfig::check(report);
      double codes = 1;
      for (const int64_t levels : digits) codes *= static_cast<double>(levels);
      if (digits.empty()) report("digits", "is empty; 8, 5, 5, 5 makes 1,000 codes");
      if (codes > 65536) report("digits", c10::str("makes ", codes, " codes; at most 65536"));
    }
    int64_t num_codes() const {
      return std::accumulate(digits.begin(), digits.end(), int64_t{1}, std::multiplies<>());
    }
  };

  Fsq(const Config& config, const TokenizerInputs& inputs)
      : PatchAutoencoder(config, inputs, static_cast<int64_t>(config.digits.size())),
        config_(config) {
    usage_.make(*this, maker(), config.num_codes());
    std::vector<float> half;
    std::vector<int64_t> base;
    int64_t place = 1;
    for (const int64_t levels : config.digits) {
      half.push_back(static_cast<float>(levels - 1) / 2);
      base.push_back(place);
      place *= levels;
    }
    half_E_ = register_buffer("half_levels", at::tensor(half));
    base_E_ = register_buffer("digit_bases", at::tensor(base));
    levels_E_ = register_buffer("digit_levels", at::tensor(config.digits));
    vectors_VE_ = one_hot_digits();
  }

  LatentSpace space() const override {
    return {.kind = LatentSpace::Kind::codes,
            .rows = rows(),
            .columns = columns(),
            .width = 0,
            .code_vectors_VE = vectors_VE_};
  }

  at::Tensor encode(const at::Tensor& frames_BTHWC) const override {
    return codes_of(digits_of(bounded(write(pixels_from_bytes(frames_BTHWC)))));
  }

  at::Tensor decode(const at::Tensor& codes_BTN) const override {
    return draw_frames(values_of(digits_of_codes(codes_BTN)));
  }

  std::map<std::string, double> monitors() const override { return usage_.monitors(); }

 private:
  static at::Tensor bounded(const at::Tensor& raw) { return (raw * 1.6).sigmoid() * 2 - 1; }

  /// Of values in (-1, 1): the nearest levels, counted from 0, as floats.
  at::Tensor digits_of(const at::Tensor& bounded_BTNE) const {
    return ((bounded_BTNE + 1) * half_E_).round();
  }
  at::Tensor values_of(const at::Tensor& digits_BTNE) const { return digits_BTNE / half_E_ - 1; }
  at::Tensor codes_of(const at::Tensor& digits_BTNE) const {
    return (digits_BTNE.to(at::kLong) * base_E_).sum(-1);
  }
  at::Tensor digits_of_codes(const at::Tensor& codes) const {
    return codes.unsqueeze(-1).div(base_E_, "floor").remainder(levels_E_).to(at::kFloat);
  }

  /// [V, sum of levels]: in a network a digit is a choice, not an amount.
  at::Tensor one_hot_digits() const {
    const auto digits_VE = digits_of_codes(at::arange(config_.num_codes())).to(at::kLong);
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < config_.digits.size(); ++i)
      parts.push_back(at::one_hot(digits_VE.select(1, static_cast<int64_t>(i)), config_.digits[i]));
    return at::cat(parts, 1).to(at::kFloat);
  }

  Squeezed squeeze(const at::Tensor& raw_BTLE, const at::Tensor& valid_BT,
                   const at::Tensor& draw) override {
    const auto smooth_BTNE = bounded(raw_BTLE);
    const auto digits_BTNE = digits_of(smooth_BTNE.detach());
    const auto rounded_BTNE = smooth_BTNE + (values_of(digits_BTNE) - smooth_BTNE.detach());
    const auto rounds = draw.select(0, 1).ge(config_.continuous_steps);  // stays on the device
    return {at::where(rounds, rounded_BTNE, smooth_BTNE),
            usage_.carry_codes(codes_of(digits_BTNE), valid_BT),
            {}};
  }

  Config config_;
  CodeUsage usage_;
  at::Tensor half_E_, base_E_, levels_E_, vectors_VE_;
};

NF_REGISTER_TOKENIZER("fsq", Fsq, codes, "codes by rounding a few numbers a patch")

}  // namespace nextframe
