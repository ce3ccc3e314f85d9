// The two ends of a network over tokens: frames to tokens, and tokens to what the objective asks
// for. One file for each kind of frame: pixel_ends, value_ends, code_ends.
#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "data/batch.h"
#include "model/latent_space.h"
#include "model/network.h"
#include "model/parameters.h"

namespace nextframe {

struct EndsShape {
  ClipShape clip;
  LatentSpace space;
  int64_t dim = 0;           // D
  int64_t patch_px = 8;      // of pixels
  int64_t halo_px = 0;       // pixels around a patch that its token sees too
  int64_t head_halo_px = 0;  // and writes too
  bool differences = false;  // whether a token sees what changed since the frame before
  bool hides_codes = false;  // whether NetworkInput::hidden_BTN is understood
  bool bf16 = false;
};

class FrameEnds {
 public:
  virtual ~FrameEnds() = default;

  /// The grid of tokens that a frame is cut into, N = rows * columns.
  virtual int64_t rows() const = 0;
  virtual int64_t columns() const = 0;
  int64_t tokens() const { return rows() * columns(); }

  /// Registers the parameters of the entrance, then, with make_head(), those of the exit.
  virtual void make_stem(torch::nn::Module& owner, const ParameterMaker& make) = 0;
  virtual void make_head(torch::nn::Module& owner, const ParameterMaker& make) = 0;

  /// [B, T, N, D] float32.
  ///   before_B1  the frame before the first one of each clip, for differences; or undefined
  virtual at::Tensor embed(const NetworkInput& input, const at::Tensor& before_B1) const = 0;

  /// NetworkOutput::x_BT from tokens [B, T, N, D].
  virtual at::Tensor read(const at::Tensor& tokens_BTND) const = 0;

  /// Multiplications of a frame's forward products; the stem's count for two thirds, since frames
  /// need no gradient.
  virtual double products_per_frame() const = 0;
};

/// What the ends of a tokenizer's tokens share: a token of the frame is a token of the network.
class TokenEnds : public FrameEnds {
 public:
  int64_t rows() const override { return shape_.space.rows; }
  int64_t columns() const override { return shape_.space.columns; }
  at::Tensor read(const at::Tensor& tokens_BTND) const override;
  double products_per_frame() const override;

 protected:
  explicit TokenEnds(const EndsShape& shape) : shape_(shape) {}

  /// `outputs`: numbers that a token writes.
  void make_token_head(torch::nn::Module& owner, const ParameterMaker& make, int64_t outputs);

  EndsShape shape_;
  at::Tensor stem_, place_, head_;
};

std::unique_ptr<FrameEnds> make_frame_ends(const EndsShape& shape);

std::unique_ptr<FrameEnds> make_pixel_ends(const EndsShape& shape);
std::unique_ptr<FrameEnds> make_value_ends(const EndsShape& shape);
std::unique_ptr<FrameEnds> make_code_ends(const EndsShape& shape);

}  // namespace nextframe
