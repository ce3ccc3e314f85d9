// Pixels: a frame is cut into patches, each seen with its surroundings.

#include "kernels/linear.h"
#include "kernels/norm.h"
#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/ends/frame_ends.h"
#include "model/patch_size.h"

namespace nextframe {
namespace {

class PixelEnds final : public FrameEnds {
 public:
  explicit PixelEnds(const EndsShape& shape) : shape_(shape) {
    require_patches("model.patch_px", shape.patch_px, shape.clip);
  }

  int64_t rows() const override { return shape_.clip.height_px / shape_.patch_px; }
  int64_t columns() const override { return shape_.clip.width_px / shape_.patch_px; }

  void make_stem(torch::nn::Module& owner, const ParameterMaker& make) override {
    const int64_t window = grid_in().window_px();
    const int64_t values = window * window * shape_.clip.channels * (shape_.differences ? 2 : 1);
    stem_ = make.normal(owner, "patch_stem", {shape_.dim, values},
                        2 / std::sqrt(static_cast<double>(values)));
    place_ = make.normal(owner, "place", {tokens(), shape_.dim}, 0.02);
  }

  void make_head(torch::nn::Module& owner, const ParameterMaker& make) override {
    const int64_t window = grid_out().window_px();
    head_ = make.constant(owner, "head", {window * window * shape_.clip.channels, shape_.dim}, 0);
  }

  at::Tensor embed(const NetworkInput& input, const at::Tensor& before_B1HWC) const override {
    const auto dtype = shape_.bf16 ? at::kBFloat16 : at::kFloat;
    const auto patches_BTNE =
        shape_.differences ? patchify_with_changes(input.x_BT, before_B1HWC, grid_in(), dtype)
                           : patchify(input.x_BT, grid_in(), dtype);
    return linear(patches_BTNE, stem_, shape_.bf16) + place_;
  }

  at::Tensor read(const at::Tensor& tokens_BTND) const override {
    const auto values_BTNE = linear(rms_norm(tokens_BTND, shape_.bf16), head_, shape_.bf16);
    return unpatchify(values_BTNE, grid_out(), shape_.clip.height_px, shape_.clip.width_px);
  }

  double products_per_frame() const override {
    const double stem = 2.0 / 3.0 * static_cast<double>(stem_.numel());
    return static_cast<double>(tokens()) * (stem + static_cast<double>(head_.numel()));
  }

 private:
  PatchGrid grid_in() const { return {shape_.patch_px, shape_.halo_px}; }
  PatchGrid grid_out() const { return {shape_.patch_px, shape_.head_halo_px}; }

  EndsShape shape_;
  at::Tensor stem_, place_, head_;
};

}  // namespace

std::unique_ptr<FrameEnds> make_pixel_ends(const EndsShape& shape) {
  return std::make_unique<PixelEnds>(shape);
}

std::unique_ptr<FrameEnds> make_frame_ends(const EndsShape& shape) {
  switch (shape.space.kind) {
    case LatentSpace::Kind::values:
      return make_value_ends(shape);
    case LatentSpace::Kind::codes:
      return make_code_ends(shape);
    default:
      return make_pixel_ends(shape);
  }
}

}  // namespace nextframe
