// vq: vector quantisation (van den Oord et al. 2017). A token is the nearest vector of a codebook,
// whose vectors are running means of what was nearest to them (their appendix A.1); codes that
// nothing is near to split full ones (trainer/optimizer/running_sum_rule.cpp).

#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/running_sum.h"
#include "model/tokenizer/latent_statistics.h"
#include "model/tokenizer/patch_autoencoder.h"

namespace nextframe {

class Vq final : public PatchAutoencoder {
 public:
  struct Config : AutoencoderConfig {
    int64_t codes = 512;
    int64_t width = 16;
    double commit_weight = 0.05;

    void fields(FieldVisitor& field) {
      AutoencoderConfig::fields(field);
      field("codes", codes, "vectors in the codebook", Range{2, 65536});
      field("width", width, "numbers of such a vector", Range{1, 1024});
      field("commit_weight", commit_weight,
            "weight of the encoder's distance to its codes, each number as one of a pixel's share",
            Range{0, 1e3});
    }
  };

  Vq(const Config& config, const TokenizerInputs& inputs)
      : PatchAutoencoder(config, inputs, config.width),
        config_(config),
        pixels_per_number_(
            static_cast<double>(config.patch_px * config.patch_px * inputs.shape.channels) /
            static_cast<double>(config.width)) {
    rows_ = maker().normal(*this, "running_codebook", {config.codes, config.width + 1}, 0.5);
    const torch::NoGradGuard no_grad;
    rows_.select(1, config.width).fill_(1);
    vectors_VE_ = vectors();
  }

  LatentSpace space() const override {
    return {.kind = LatentSpace::Kind::codes,
            .rows = rows(),
            .columns = columns(),
            .width = 0,
            .code_vectors_VE = vectors_VE_};
  }

  void freeze() override {
    const torch::NoGradGuard no_grad;
    vectors_VE_.copy_(vectors());  // in place: a network holds it, too
  }

  at::Tensor encode(const at::Tensor& frames_BTHWC) const override {
    return nearest(write(pixels_from_bytes(frames_BTHWC)));
  }

  at::Tensor decode(const at::Tensor& codes_BTN) const override {
    return draw_frames(vectors_of(codes_BTN));
  }

  std::map<std::string, double> monitors() const override {
    return code_monitors(rows_.detach().select(1, width()));
  }

 private:
  at::Tensor vectors() const {
    const auto rows = rows_.detach();
    return (rows.slice(1, 0, width()) / rows.slice(1, width()).clamp_min(1e-6)).contiguous();
  }

  /// The code of the nearest vector, the lowest of several.
  at::Tensor nearest(const at::Tensor& z_BTNE) const {
    const auto vectors_VE = vectors();
    const auto half_squares_V = vectors_VE.square().sum(1) * 0.5;
    return (z_BTNE.matmul(vectors_VE.t()) - half_squares_V).argmax(-1);
  }

  at::Tensor vectors_of(const at::Tensor& codes_BTN) const {
    auto sizes = codes_BTN.sizes().vec();
    sizes.push_back(width());
    return vectors().index_select(0, codes_BTN.reshape({-1})).view(sizes);
  }

  Squeezed squeeze(const at::Tensor& raw_BTLE, const at::Tensor& valid_BT,
                   const at::Tensor& /*draw*/) override {
    const auto constant_BTNE = raw_BTLE.detach();
    const auto codes_BTN = nearest(constant_BTNE);
    const auto vectors_BTNE = vectors_of(codes_BTN);
    const auto valid_BT11 = valid_BT.view({valid_BT.size(0), valid_BT.size(1), 1, 1});
    const auto distance = ((raw_BTLE - vectors_BTNE).square() * valid_BT11).sum();
    // As one product, whose order of additions is fixed on every device.
    const auto one_hot_MV = at::one_hot(codes_BTN.reshape({-1}), config_.codes).to(at::kFloat);
    const auto counted_BTNE1 =
        at::cat({constant_BTNE, at::ones_like(constant_BTNE.slice(3, 0, 1))}, 3) * valid_BT11;
    const auto sums = one_hot_MV.t().mm(counted_BTNE1.reshape({-1, width() + 1}));
    return {raw_BTLE + (vectors_BTNE - constant_BTNE),
            config_.commit_weight * pixels_per_number_ * distance + carry(rows_, sums),
            {}};
  }

  Config config_;
  double pixels_per_number_;
  at::Tensor rows_, vectors_VE_;
};

NF_REGISTER_TOKENIZER("vq", Vq, codes, "codes by the nearest vector of a codebook")

}  // namespace nextframe
