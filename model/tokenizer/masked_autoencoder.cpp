// masked_autoencoder: a frame as a few tokens of continuous values (Hafner et al. 2025, Dreamer 4:
// patches are hidden from the encoder, and the decoder sees the latents alone, through a tanh).
//
// Frozen, its values are shifted and scaled to mean 0 and variance 1 over the training data.

#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/tokenizer/latent_statistics.h"
#include "model/tokenizer/patch_autoencoder.h"

namespace nextframe {

class MaskedAutoencoder final : public PatchAutoencoder {
 public:
  struct Config : AutoencoderConfig {
    int64_t width = 16;

    Config() { merge = 2, hidden_up_to = 0.5; }
    void fields(FieldVisitor& field) {
      AutoencoderConfig::fields(field);
      field("width", width, "values of a token", Range{1, 4096});
    }
  };

  MaskedAutoencoder(const Config& config, const TokenizerInputs& inputs)
      : PatchAutoencoder(config, inputs, config.width) {
    statistics_.make(*this, maker(), config.width);
  }

  LatentSpace space() const override { return space_of_values(); }

  void freeze() override {
    const torch::NoGradGuard no_grad;
    mean_E_ = statistics_.mean_E().clone();
    deviation_E_ = statistics_.deviation_E().clone();
  }

  at::Tensor encode(const at::Tensor& frames_BTHWC) const override {
    return (write(pixels_from_bytes(frames_BTHWC)).tanh() - mean_E_) / deviation_E_;
  }

  at::Tensor decode(const at::Tensor& latents_BT) const override {
    // What tanh cannot give the decoder has never seen.
    return draw_frames((latents_BT * deviation_E_ + mean_E_).clamp(-1, 1));
  }

  std::map<std::string, double> monitors() const override { return statistics_.monitors(); }

 private:
  Squeezed squeeze(const at::Tensor& raw_BTLE, const at::Tensor& valid_BT,
                   const at::Tensor& /*draw*/) override {
    const auto z_BTLE = raw_BTLE.tanh();
    return {z_BTLE, statistics_.carry_tokens(z_BTLE, valid_BT), {}};
  }

  LatentStatistics statistics_;
  at::Tensor mean_E_, deviation_E_;
};

NF_REGISTER_TOKENIZER("masked_autoencoder", MaskedAutoencoder, values,
                      "a few tokens of continuous values a frame")

}  // namespace nextframe
