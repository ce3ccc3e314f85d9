// patch_encoder: representations of frames that are learned together with the model that predicts
// them, by an objective that asks for learned latents, such as jepa. A transformer over the patches
// of one frame writes a few tokens of values, which nothing bounds.
//
// Another transformer draws frames from them, so that a person sees what they hold. No gradient
// passes from its pictures to the representations.

#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/tokenizer/latent_statistics.h"
#include "model/tokenizer/patch_autoencoder.h"

namespace nextframe {

class PatchEncoder final : public PatchAutoencoder {
 public:
  struct Config : AutoencoderConfig {
    int64_t width = 32;

    Config() { merge = 4, edge_weight = 0; }
    void fields(FieldVisitor& field) {
      AutoencoderConfig::fields(field);
      field("width", width, "values of a token", Range{1, 4096});
    }
    void check(const Report& report) const {
      AutoencoderConfig::check(report);
      if (hidden_up_to > 0)
        report("hidden_up_to", "is not used: representations are made of whole frames");
    }
  };

  static constexpr bool kLearnsWithModel = true;

  PatchEncoder(const Config& config, const TokenizerInputs& inputs)
      : PatchAutoencoder(config, inputs, config.width) {
    statistics_.make(*this, maker(), config.width);
  }

  LatentSpace space() const override { return space_of_values(); }

  at::Tensor encode(const at::Tensor& frames_BTHWC) const override {
    return write(pixels_from_bytes(frames_BTHWC));
  }

  at::Tensor decode(const at::Tensor& latents_BT) const override { return draw_frames(latents_BT); }

  LossTerms read_out(const at::Tensor& latents_BT, const Batch& batch, double scale) override {
    const auto valid_BT = batch.mask_BT.to(at::kFloat);
    return drawn_loss(squeeze(latents_BT.detach(), valid_BT, {}),
                      pixels_from_bytes(batch.frames_BTHWC), valid_BT, scale);
  }

  std::map<std::string, double> monitors() const override { return statistics_.monitors(); }

 private:
  Squeezed squeeze(const at::Tensor& raw_BTLE, const at::Tensor& valid_BT,
                   const at::Tensor& /*draw*/) override {
    return {raw_BTLE, statistics_.carry_tokens(raw_BTLE, valid_BT), {}};
  }

  LatentStatistics statistics_;
};

NF_REGISTER_TOKENIZER("patch_encoder", PatchEncoder, values,
                      "representations that are learned together with the model on them")

}  // namespace nextframe
