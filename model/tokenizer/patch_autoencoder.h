// What the tokenizers of the zoo share: a transformer over the patches of one frame that writes a
// few numbers, the bottleneck, and another that reads them and draws the frame.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/parameters.h"
#include "model/space_time_block.h"
#include "model/tokenizer/tokenizer.h"

namespace nextframe {

struct AutoencoderConfig {
  int64_t dim = 128;  // D
  int64_t layers = 6;
  int64_t heads = 4;
  int64_t patch_px = 8;
  int64_t merge = 1;
  double hidden_up_to = 0;
  double edge_weight = 0.2;

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

class PatchAutoencoder : public Tokenizer {
 public:
  /// A token of the bottleneck is `width` numbers and stands for merge x merge patches.
  PatchAutoencoder(const AutoencoderConfig& config, const TokenizerInputs& inputs, int64_t width);

  bool run_blocks_with(std::shared_ptr<BlockRunner> runner) override {
    runner_ = std::move(runner);
    return true;
  }
  int64_t matrices_in(const std::string& parameter) const override {
    return SpaceTimeBlock::matrices_in(parameter);
  }
  int64_t tokens_per_clip() const override;
  double flops_per_clip() const override;

  /// Of all frames that count: the squared error of the reconstruction, with edge_weight that of
  /// its differences between neighbouring pixels, and what the bottleneck adds.
  LossTerms loss(const Batch& batch, const at::Tensor& draw) override;

 protected:
  /// What the decoder gets, and what the bottleneck has to say of it.
  struct Squeezed {
    at::Tensor z_BTLE;
    at::Tensor penalty;  // scalar, added to the loss
    std::map<std::string, at::Tensor> sums;
  };

  /// In training.
  ///   raw_BTLE  float32, what the encoder wrote
  ///   valid_BT  float32, 1 for frames that count
  virtual Squeezed squeeze(const at::Tensor& raw_BTLE, const at::Tensor& valid_BT,
                           const at::Tensor& draw) = 0;

  /// The loss of frames drawn from the bottleneck, times `scale`, and its penalty as it is.
  LossTerms drawn_loss(const Squeezed& squeezed, const at::Tensor& frames_BTHWC,
                       const at::Tensor& valid_BT, double scale = 1) const;

  /// What the encoder writes, [B, T, L, E] float32.
  ///   frames_BTHWC  float32 in [-1, 1]
  ///   hidden_BTN    bool, patches that are not shown; or undefined
  at::Tensor write(const at::Tensor& frames_BTHWC, const at::Tensor& hidden_BTN = {}) const;

  /// Frames of the bottleneck's tokens, [B, T, H, W, C] float32.
  at::Tensor draw_frames(const at::Tensor& z_BTLE) const;

  /// space() of a bottleneck whose tokens are values.
  LatentSpace space_of_values() const {
    return {.kind = LatentSpace::Kind::values,
            .rows = rows(),
            .columns = columns(),
            .width = width(),
            .code_vectors_VE = {}};
  }

  int64_t rows() const { return patch_rows() / config_.merge; }
  int64_t columns() const { return patch_columns() / config_.merge; }
  int64_t width() const { return width_; }
  const ParameterMaker& maker() const { return make_; }

 private:
  at::Tensor run_blocks(at::Tensor tokens_BTND, size_t first, size_t end) const;
  int64_t patch_rows() const { return shape_.height_px / config_.patch_px; }
  int64_t patch_columns() const { return shape_.width_px / config_.patch_px; }
  int64_t num_patches() const { return patch_rows() * patch_columns(); }
  at::Tensor merged(const at::Tensor& patches_BTND) const;
  at::Tensor split(const at::Tensor& tokens_BTLM) const;
  int64_t first_of_decoder() const { return (config_.layers + 1) / 2; }

  ClipShape shape_;
  AutoencoderConfig config_;
  int64_t width_;
  bool bf16_;
  ParameterMaker make_;
  std::shared_ptr<BlockRunner> runner_ = std::make_shared<BlockRunner>();
  std::vector<std::shared_ptr<SpaceTimeBlock>> blocks_;
  at::Tensor stem_, place_, hidden_patch_, narrow_, widen_, place_out_, head_;
  Rotation in_space_;
};

}  // namespace nextframe
