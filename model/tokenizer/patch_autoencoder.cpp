#include "model/tokenizer/patch_autoencoder.h"

#include "kernels/draws.h"
#include "kernels/linear.h"
#include "kernels/losses.h"
#include "kernels/norm.h"
#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/patch_size.h"

namespace nextframe {
namespace {

/// The squared error of differences between neighbours along a dimension, summed over each frame.
at::Tensor edge_error(const at::Tensor& a_BTHWC, const at::Tensor& b_BTHWC, int64_t dim) {
  const auto differences = [dim](const at::Tensor& x) {
    return x.slice(dim, 1) - x.slice(dim, 0, -1);
  };
  return frame_squared_error(differences(a_BTHWC), differences(b_BTHWC));
}

}  // namespace

void AutoencoderConfig::fields(FieldVisitor& field) {
  field("dim", dim, "width of the transformers' tokens", Range{4, 65536});
  field("layers", layers, "blocks of attention and feed-forward; half of them encode",
        Range{2, 4096});
  field("heads", heads, "attention heads; dim is a multiple of 4 heads", Range{1, 16384});
  field("patch_px", patch_px, "side of a patch; divides height and width", Range{1, 4096});
  field("merge", merge,
        "side of the square of patches that becomes one token; divides the rows and columns of "
        "patches",
        Range{1, 64});
  field("hidden_up_to", hidden_up_to,
        "patches of a frame that the encoder is not shown in training: a share drawn between 0 and "
        "this for each frame (masked autoencoder)",
        Range{0, 0.99});
  field("edge_weight", edge_weight,
        "weight of the error of differences between neighbouring pixels, against blur",
        Range{0, 1e3});
}

void AutoencoderConfig::check(const Report& report) const {
  if (dim % (4 * heads) != 0)
    report("heads", c10::str("needs tokenizer.dim = ", dim, " to be a multiple of ", 4 * heads));
}

PatchAutoencoder::PatchAutoencoder(const AutoencoderConfig& config, const TokenizerInputs& inputs,
                                   int64_t width)
    : shape_(inputs.shape), config_(config), width_(width), bf16_(inputs.bf16), make_(inputs.seed) {
  const int64_t side_px = config.patch_px * config.merge;
  require_patches("tokenizer.patch_px x tokenizer.merge", side_px, shape_);
  const int64_t D = config.dim, E = config.patch_px * config.patch_px * shape_.channels;
  const int64_t merged = config.merge * config.merge * D;
  stem_ = make_.normal(*this, "patch_stem", {D, E}, 2 / std::sqrt(static_cast<double>(E)));
  place_ = make_.normal(*this, "place", {num_patches(), D}, 0.2);
  if (config.hidden_up_to > 0) hidden_patch_ = make_.normal(*this, "hidden_patch", {D}, 0.2);
  narrow_ =
      make_.normal(*this, "narrow", {width, merged}, 1 / std::sqrt(static_cast<double>(merged)));
  widen_ = make_.normal(*this, "widen", {merged, width}, 1 / std::sqrt(static_cast<double>(width)));
  place_out_ = make_.normal(*this, "place_out", {num_patches(), D}, 0.2);
  const auto blocks = register_module("blocks", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < config.layers; ++i) {
    const auto number = std::to_string(i);
    const BlockShape shape{.dim = D,
                           .mlp_width = mlp_width_of(D),
                           .heads = config.heads,
                           .layers = config.layers,
                           .bf16 = bf16_};
    blocks_.push_back(blocks->register_module(
        number, std::make_shared<SpaceTimeBlock>(shape, make_.child("blocks").child(number))));
  }
  head_ = make_.constant(*this, "head", {E, D}, 0);
  in_space_ = rotation_in_space(patch_rows(), patch_columns(), 0, 0, D / config.heads);
  register_buffer("space_cosine", in_space_.cosine_LP);
  register_buffer("space_sine", in_space_.sine_LP);
}

/// [B, T, N, D] to [B, T, L, merge^2 D]: squares of patches behind one another.
at::Tensor PatchAutoencoder::merged(const at::Tensor& patches_BTND) const {
  const int64_t B = patches_BTND.size(0), T = patches_BTND.size(1), m = config_.merge;
  if (m == 1) return patches_BTND;
  return patches_BTND.reshape({B, T, rows(), m, columns(), m, config_.dim})
      .transpose(3, 4)
      .reshape({B, T, rows() * columns(), m * m * config_.dim});
}

/// The other way.
at::Tensor PatchAutoencoder::split(const at::Tensor& tokens_BTLM) const {
  const int64_t B = tokens_BTLM.size(0), T = tokens_BTLM.size(1), m = config_.merge;
  if (m == 1) return tokens_BTLM;
  return tokens_BTLM.reshape({B, T, rows(), columns(), m, m, config_.dim})
      .transpose(3, 4)
      .reshape({B, T, num_patches(), config_.dim});
}

int64_t PatchAutoencoder::tokens_per_clip() const { return shape_.clip_frames * num_patches(); }

/// As SpaceTimeTransformer's.
double PatchAutoencoder::flops_per_clip() const {
  const auto tokens = static_cast<double>(tokens_per_clip());
  const auto dim = static_cast<double>(config_.dim), layers = static_cast<double>(config_.layers);
  const auto seen = static_cast<double>(num_patches());
  const double dense =
      tokens * dim * layers * (4 * dim + 3 * static_cast<double>(mlp_width_of(config_.dim)));
  const double ends = static_cast<double>(shape_.clip_frames * num_patches()) * 5.0 / 3.0 *
                      static_cast<double>(head_.numel());
  return 6 * (dense + ends + tokens * dim * 2 * layers * seen);
}

at::Tensor PatchAutoencoder::run_blocks(at::Tensor tokens_BTND, size_t first, size_t end) const {
  for (size_t i = first; i < end; ++i) {
    BlockRunner::Block block;
    block.attention = [layer = blocks_[i], in_space = in_space_](const at::Tensor& hidden) {
      return layer->attend(hidden, in_space, {});
    };
    block.feed_forward = [layer = blocks_[i]](const at::Tensor& hidden) {
      return layer->feed_forward(hidden);
    };
    tokens_BTND = runner_->run(static_cast<int64_t>(i), block, tokens_BTND);
  }
  return tokens_BTND;
}

at::Tensor PatchAutoencoder::write(const at::Tensor& frames_BTHWC,
                                   const at::Tensor& hidden_BTN) const {
  const auto dtype = bf16_ ? at::kBFloat16 : at::kFloat;
  auto tokens_BTND =
      linear(patchify(frames_BTHWC, {config_.patch_px, 0}, dtype), stem_, bf16_).to(at::kFloat);
  if (hidden_BTN.defined())
    tokens_BTND = at::where(hidden_BTN.unsqueeze(3), hidden_patch_, tokens_BTND);
  tokens_BTND = tokens_BTND + place_;
  tokens_BTND = run_blocks(tokens_BTND, 0, static_cast<size_t>(first_of_decoder()));
  return linear(merged(rms_norm(tokens_BTND, false)), narrow_, false);
}

at::Tensor PatchAutoencoder::draw_frames(const at::Tensor& z_BTLE) const {
  auto tokens_BTND = split(linear(z_BTLE, widen_, false)) + place_out_;
  tokens_BTND = run_blocks(tokens_BTND, static_cast<size_t>(first_of_decoder()), blocks_.size());
  return unpatchify(linear(rms_norm(tokens_BTND, bf16_), head_, bf16_), {config_.patch_px, 0},
                    shape_.height_px, shape_.width_px);
}

LossTerms PatchAutoencoder::loss(const Batch& batch, const at::Tensor& draw) {
  const auto frames_BTHWC = pixels_from_bytes(batch.frames_BTHWC);
  const auto valid_BT = batch.mask_BT.to(at::kFloat);
  at::Tensor hidden_BTN;
  if (config_.hidden_up_to > 0) {
    const auto uniform_BTN = draw_uniform(draw, DrawStream::hidden, batch.sample_ids_B,
                                          {frames_BTHWC.size(1), num_patches() + 1});
    const auto share_BT1 = uniform_BTN.slice(2, num_patches()) * config_.hidden_up_to;
    hidden_BTN = uniform_BTN.slice(2, 0, num_patches()).lt(share_BT1);
  }
  return drawn_loss(squeeze(write(frames_BTHWC, hidden_BTN), valid_BT, draw), frames_BTHWC,
                    valid_BT);
}

LossTerms PatchAutoencoder::drawn_loss(const Squeezed& squeezed, const at::Tensor& frames_BTHWC,
                                       const at::Tensor& valid_BT, double scale) const {
  const auto drawn_BTHWC = draw_frames(squeezed.z_BTLE);
  const auto squared = (frame_squared_error(drawn_BTHWC, frames_BTHWC) * valid_BT).sum();
  LossTerms terms;
  terms.sum = squared;
  if (config_.edge_weight > 0) {
    const auto edges =
        edge_error(drawn_BTHWC, frames_BTHWC, 2) + edge_error(drawn_BTHWC, frames_BTHWC, 3);
    terms.sum = terms.sum + config_.edge_weight * (edges * valid_BT).sum();
  }
  if (scale != 1) terms.sum = terms.sum * scale;
  terms.sum = terms.sum + squeezed.penalty;
  terms.weight = valid_BT.sum().to(at::kDouble) *
                 static_cast<double>(shape_.height_px * shape_.width_px * shape_.channels);
  terms.sums = squeezed.sums;
  terms.sums["reconstruction_squared_error"] = squared.detach();
  return terms;
}

}  // namespace nextframe
