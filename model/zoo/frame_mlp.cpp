// frame_mlp: the smallest world model. Two frames, an action and a noise level through one hidden
// layer. It exists to show the shape of a model file and to debug the trainer.

#include "kernels/linear.h"
#include "kernels/torch.h"
#include "model/frame_model.h"
#include "model/parameters.h"

namespace nextframe {

class FrameMlpCache final : public FrameCache {
 public:
  std::unique_ptr<FrameCache> clone() const override {
    return std::make_unique<FrameMlpCache>(*this);
  }

  at::Tensor last_B1E;  // the newest frame
};

class FrameMlp final : public FrameModel {
 public:
  struct Config {
    int64_t dim = 256;  // D

    void fields(FieldVisitor& field) {
      field("dim", dim, "width of the hidden layer", Range{1, 1 << 20});
    }
    void check(const Report&) const {}
  };

  static Traits offers() { return {Trait::noise_levels, Trait::pixels}; }

  FrameMlp(const Config& config, const ModelInputs& inputs)
      : FrameModel(inputs), bf16_(inputs.bf16) {
    const ParameterMaker make(inputs.seed);
    const auto& clip = inputs.shape;
    const int64_t frame_size = clip.height_px * clip.width_px * clip.channels;
    const int64_t inputs_size = 2 * frame_size + inputs.action_width() + 1;
    encode_ = make.normal(*this, "encode", {config.dim, inputs_size},
                          1 / std::sqrt(static_cast<double>(inputs_size)));
    bias_ = make.constant(*this, "bias", {config.dim}, 0);
    decode_ = make.normal(*this, "decode", {frame_size, config.dim},
                          0.1 / std::sqrt(static_cast<double>(config.dim)));
  }

 private:
  std::unique_ptr<FrameCache> make_cache() const override {
    return std::make_unique<FrameMlpCache>();
  }

  NetworkOutput run(const NetworkInput& input, FrameCache* cache, bool appends) override {
    auto* const known = static_cast<FrameMlpCache*>(cache);
    const auto now_BTE = input.x_BT.flatten(2);
    auto before_BTE = at::constant_pad_nd(now_BTE, {0, 0, 1, -1});
    if (known != nullptr && known->last_B1E.defined()) {
      before_BTE = at::cat({known->last_B1E, now_BTE.slice(1, 0, -1)}, 1);
    }
    if (appends) known->last_B1E = now_BTE.slice(1, -1);
    const auto input_BTE =
        at::cat({now_BTE, before_BTE, input.actions_BTA, levels_of(input).unsqueeze(2)}, 2);
    const auto hidden_BTD = at::gelu(linear(input_BTE, encode_, bf16_) + bias_);
    keep_layer(input, "hidden", hidden_BTD.unsqueeze(2));
    return {linear(hidden_BTD, decode_, bf16_).to(at::kFloat).view(input.x_BT.sizes())};
  }

  bool bf16_;
  at::Tensor encode_, bias_, decode_;
};

NF_REGISTER_MODEL("frame_mlp", FrameMlp, "one hidden layer over two frames; to debug with")

}  // namespace nextframe
