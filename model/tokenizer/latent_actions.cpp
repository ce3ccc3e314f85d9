// latent_actions: actions that nobody recorded, read off what changes between two frames (Bruce et
// al. 2024, Genie). One code of a few stands for the change from each frame to its next.
//
//   code_t    = quantise(encoder(x_t, x_{t+1}))
//   x̂_{t+1} = x_t + decoder(x_{t-1}, x_t, code_t)
//
// The decoder sees the frames before, so the code has to say only what they do not tell. Both are
// transformers over the patches of a frame; the encoder writes its code at a token of its own. The
// loss is the squared error of x̂. Another run takes the codes as its actions, by actions.from.

#include "kernels/linear.h"
#include "kernels/losses.h"
#include "kernels/norm.h"
#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/objective/masked_error.h"
#include "model/patch_size.h"
#include "model/space_time_block.h"
#include "model/tokenizer/latent_statistics.h"
#include "model/tokenizer/scalar_quantiser.h"
#include "model/tokenizer/tokenizer.h"

namespace nextframe {
namespace {

struct LatentActionsConfig {
  int64_t dim = 128;  // D
  int64_t layers = 4;
  int64_t heads = 4;
  int64_t patch_px = 8;
  ScalarQuantiserConfig codes{{2, 2, 2}, 0};

  void fields(FieldVisitor& field) {
    field("dim", dim, "width of the transformers' tokens", Range{4, 65536});
    field("layers", layers, "blocks of attention and feed-forward; half of them encode",
          Range{2, 4096});
    field("heads", heads, "attention heads; dim is a multiple of 4 heads", Range{1, 16384});
    field("patch_px", patch_px, "side of a patch; divides height and width", Range{1, 4096});
    codes.fields(field);
  }
  void check(const Report& report) const {
    if (dim % (4 * heads) != 0)
      report("heads", c10::str("needs tokenizer.dim = ", dim, " to be a multiple of ", 4 * heads));
    codes.check(report);
  }
};

/// A transformer over the patches of a frame, with `before` tokens in front of them.
class FrameBlocks {
 public:
  FrameBlocks(const LatentActionsConfig& config, const ClipShape& shape, int64_t before)
      : rows_(shape.height_px / config.patch_px),
        columns_(shape.width_px / config.patch_px),
        rotation_(rotation_in_space(rows_, columns_, before, 0, config.dim / config.heads)) {}

  void add(int64_t number, std::shared_ptr<SpaceTimeBlock> block) {
    blocks_.emplace_back(number, std::move(block));
  }

  at::Tensor run(BlockRunner& runner, at::Tensor tokens_BTND) const {
    for (const auto& [number, layer] : blocks_) {
      BlockRunner::Block block;
      block.attention = [layer, rotation = rotation_](const at::Tensor& hidden) {
        return layer->attend(hidden, rotation, {});
      };
      block.feed_forward = [layer](const at::Tensor& hidden) {
        return layer->feed_forward(hidden);
      };
      tokens_BTND = runner.run(number, block, tokens_BTND);
    }
    return tokens_BTND;
  }

  const Rotation& rotation() const { return rotation_; }
  int64_t patches() const { return rows_ * columns_; }

 private:
  int64_t rows_, columns_;
  Rotation rotation_;
  std::vector<std::pair<int64_t, std::shared_ptr<SpaceTimeBlock>>> blocks_;
};

}  // namespace

class LatentActions final : public Tokenizer {
 public:
  using Config = LatentActionsConfig;

  LatentActions(const Config& config, const TokenizerInputs& inputs)
      : config_(config),
        shape_(inputs.shape),
        bf16_(inputs.bf16),
        encoder_(config, inputs.shape, 1),
        decoder_(config, inputs.shape, 0),
        quantiser_(config.codes, *this) {
    require_patches("tokenizer.patch_px", config.patch_px, shape_);
    make_parameters(inputs.seed);
    for (const auto& [name, blocks] : {std::pair{"encoder", &encoder_}, {"decoder", &decoder_}}) {
      register_buffer(c10::str(name, "_cosine"), blocks->rotation().cosine_LP);
      register_buffer(c10::str(name, "_sine"), blocks->rotation().sine_LP);
    }
    vectors_VV_ = register_buffer("code_vectors", at::eye(config.codes.num_codes()));
  }

  LatentSpace space() const override {
    return {.kind = LatentSpace::Kind::changes,
            .rows = 1,
            .columns = 1,
            .width = 0,
            .code_vectors_VE = vectors_VV_};
  }

  /// [B, T, 1]; the last frame's is 0, since what follows it is not known.
  at::Tensor encode(const at::Tensor& frames_BTHWC) const override {
    const auto codes_BP = quantiser_.codes_of(changes(pixels_from_bytes(frames_BTHWC)));
    return at::constant_pad_nd(codes_BP, {0, 1}).unsqueeze(2);
  }

  at::Tensor decode(const at::Tensor&) const override {
    TORCH_CHECK(false, "latent_actions: a change alone is no frame");
  }

  /// The first frame, then each one drawn from those before it and its change.
  at::Tensor reconstruct(const at::Tensor& frames_BTHWC) override {
    const torch::NoGradGuard no_grad;
    const auto x_BTHWC = pixels_from_bytes(frames_BTHWC);
    if (x_BTHWC.size(1) < 2) return unit_range(x_BTHWC);
    const auto z_BPE = quantiser_.values_of(quantiser_.codes_of(changes(x_BTHWC)));
    return unit_range(at::cat({x_BTHWC.slice(1, 0, 1), drawn(x_BTHWC, z_BPE)}, 1));
  }

  bool run_blocks_with(std::shared_ptr<BlockRunner> runner) override {
    runner_ = std::move(runner);
    return true;
  }
  int64_t matrices_in(const std::string& parameter) const override {
    return SpaceTimeBlock::matrices_in(parameter);
  }
  int64_t tokens_per_clip() const override {
    return (shape_.clip_frames - 1) * (encoder_.patches() + 1);
  }
  double flops_per_clip() const override;
  std::map<std::string, double> monitors() const override { return usage_.monitors(); }

  LossTerms loss(const Batch& batch, const at::Tensor& draw) override {
    const auto x_BTHWC = pixels_from_bytes(batch.frames_BTHWC);
    const auto valid_BP = valid_pairs(batch.mask_BT);
    const auto raw_BPE = changes(x_BTHWC);
    const auto drawn_BPHWC = drawn(x_BTHWC, quantiser_.squeezed(raw_BPE, draw));
    const auto squared = (frame_squared_error(drawn_BPHWC, x_BTHWC.slice(1, 1)) * valid_BP).sum();
    LossTerms terms;
    terms.sum =
        squared + usage_.carry_codes(quantiser_.codes_of(raw_BPE.detach()).unsqueeze(2), valid_BP);
    terms.weight = valid_BP.sum().to(at::kDouble) *
                   static_cast<double>(shape_.height_px * shape_.width_px * shape_.channels);
    terms.sums["reconstruction_squared_error"] = squared.detach();
    return terms;
  }

 private:
  void make_parameters(uint64_t seed);

  at::Tensor tokens_of(const at::Tensor& left_BPHWC, const at::Tensor& right_BPHWC,
                       const at::Tensor& stem, const at::Tensor& place) const {
    const auto pairs_BPHWC = at::cat({left_BPHWC, right_BPHWC}, 4);
    const auto patches =
        patchify(pairs_BPHWC, {config_.patch_px, 0}, bf16_ ? at::kBFloat16 : at::kFloat);
    return linear(patches, stem, bf16_).to(at::kFloat) + place;
  }

  /// What the encoder writes of each frame and its next, [B, T - 1, E].
  at::Tensor changes(const at::Tensor& x_BTHWC) const {
    const auto now = x_BTHWC.slice(1, 0, -1), next = x_BTHWC.slice(1, 1);
    const auto frame_BPND = tokens_of(now, next - now, stem_, place_);
    const auto query = query_.expand({frame_BPND.size(0), frame_BPND.size(1), 1, -1});
    const auto tokens = encoder_.run(*runner_, at::cat({query, frame_BPND}, 2));
    return linear(rms_norm(tokens.select(2, 0), false), narrow_, false);
  }

  /// Frames 1 .. T-1 from those before them and what stands for their changes.
  at::Tensor drawn(const at::Tensor& x_BTHWC, const at::Tensor& z_BPE) const {
    const auto now = x_BTHWC.slice(1, 0, -1);
    const auto before = at::cat({now.slice(1, 0, 1), now.slice(1, 0, -1)}, 1);
    auto tokens = tokens_of(now, now - before, stem_out_, place_out_) +
                  linear(z_BPE, widen_, false).unsqueeze(2);
    tokens = decoder_.run(*runner_, tokens);
    return now + unpatchify(linear(rms_norm(tokens, bf16_), head_, bf16_), {config_.patch_px, 0},
                            shape_.height_px, shape_.width_px);
  }

  Config config_;
  ClipShape shape_;
  bool bf16_;
  std::shared_ptr<BlockRunner> runner_ = std::make_shared<BlockRunner>();
  FrameBlocks encoder_, decoder_;
  ScalarQuantiser quantiser_;
  CodeUsage usage_;
  at::Tensor stem_, place_, query_, narrow_, stem_out_, place_out_, widen_, head_, vectors_VV_;
};

void LatentActions::make_parameters(uint64_t seed) {
  const ParameterMaker make(seed);
  const int64_t D = config_.dim, N = encoder_.patches();
  const int64_t values = config_.patch_px * config_.patch_px * shape_.channels;
  const double scale = 2 / std::sqrt(static_cast<double>(2 * values));
  usage_.make(*this, make, config_.codes.num_codes());
  stem_ = make.normal(*this, "pair_stem", {D, 2 * values}, scale);
  place_ = make.normal(*this, "place", {N, D}, 0.2);
  query_ = make.normal(*this, "query", {D}, 0.5);
  narrow_ =
      make.normal(*this, "narrow", {quantiser_.width(), D}, 1 / std::sqrt(static_cast<double>(D)));
  stem_out_ = make.normal(*this, "frame_stem", {D, 2 * values}, scale);
  place_out_ = make.normal(*this, "place_out", {N, D}, 0.2);
  widen_ = make.normal(*this, "widen", {D, quantiser_.width()}, 0.5);
  const auto blocks = register_module("blocks", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < config_.layers; ++i) {
    const auto number = std::to_string(i);
    const BlockShape shape{.dim = D,
                           .mlp_width = mlp_width_of(D),
                           .heads = config_.heads,
                           .layers = config_.layers,
                           .bf16 = bf16_};
    const auto block = blocks->register_module(
        number, std::make_shared<SpaceTimeBlock>(shape, make.child("blocks").child(number)));
    (i < (config_.layers + 1) / 2 ? encoder_ : decoder_).add(i, block);
  }
  head_ = make.constant(*this, "head", {values, D}, 0);
}

/// As PatchAutoencoder's.
double LatentActions::flops_per_clip() const {
  const auto tokens = static_cast<double>(tokens_per_clip());
  const auto dim = static_cast<double>(config_.dim), layers = static_cast<double>(config_.layers);
  const double dense =
      tokens * dim * layers * (4 * dim + 3 * static_cast<double>(mlp_width_of(config_.dim)));
  const double ends = tokens * (4.0 / 3.0 * static_cast<double>(stem_.numel()) +
                                static_cast<double>(head_.numel()));
  const double scores = tokens * dim * 2 * layers * static_cast<double>(encoder_.patches() + 1);
  return 6 * (dense + ends + scores);
}

NF_REGISTER_TOKENIZER("latent_actions", LatentActions, changes,
                      "not frames but actions: a code of what changes from a frame to its next")

}  // namespace nextframe
