// fsq: codes by finite scalar quantisation (scalar_quantiser.h). For the first continuous_steps
// nothing is rounded: the encoder learns what to say before it has to be brief.

#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/tokenizer/latent_statistics.h"
#include "model/tokenizer/patch_autoencoder.h"
#include "model/tokenizer/scalar_quantiser.h"

namespace nextframe {

class Fsq final : public PatchAutoencoder {
 public:
  struct Config : AutoencoderConfig {
    ScalarQuantiserConfig codes{{8, 5, 5, 5}, 1000};

    void fields(FieldVisitor& field) {
      AutoencoderConfig::fields(field);
      codes.fields(field);
    }
    void check(const Report& report) const {
      AutoencoderConfig::check(report);
      codes.check(report);
    }
  };

  Fsq(const Config& config, const TokenizerInputs& inputs)
      : PatchAutoencoder(config, inputs, static_cast<int64_t>(config.codes.digits.size())),
        quantiser_(config.codes, *this) {
    usage_.make(*this, maker(), config.codes.num_codes());
    vectors_VE_ = quantiser_.one_hot_digits();
  }

  LatentSpace space() const override {
    return {.kind = LatentSpace::Kind::codes,
            .rows = rows(),
            .columns = columns(),
            .width = 0,
            .code_vectors_VE = vectors_VE_};
  }

  at::Tensor encode(const at::Tensor& frames_BTHWC) const override {
    return quantiser_.codes_of(write(pixels_from_bytes(frames_BTHWC)));
  }

  at::Tensor decode(const at::Tensor& codes_BTN) const override {
    return draw_frames(quantiser_.values_of(codes_BTN));
  }

  std::map<std::string, double> monitors() const override { return usage_.monitors(); }

 private:
  Squeezed squeeze(const at::Tensor& raw_BTLE, const at::Tensor& valid_BT,
                   const at::Tensor& draw) override {
    return {quantiser_.squeezed(raw_BTLE, draw),
            usage_.carry_codes(quantiser_.codes_of(raw_BTLE.detach()), valid_BT),
            {}};
  }

  ScalarQuantiser quantiser_;
  CodeUsage usage_;
  at::Tensor vectors_VE_;
};

NF_REGISTER_TOKENIZER("fsq", Fsq, codes, "codes by rounding a few numbers a patch")

}  // namespace nextframe
