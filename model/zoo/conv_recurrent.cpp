// conv_recurrent: a grid of cells that remember (Ballas et al. 2016, ConvGRU). Each cell reads a
// patch of the frame and the action, and the memory of the cells around it.

#include "kernels/linear.h"
#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "model/frame_model.h"
#include "model/parameters.h"
#include "model/patch_size.h"

namespace nextframe {

class ConvRecurrentCache final : public FrameCache {
 public:
  std::unique_ptr<FrameCache> clone() const override {
    return std::make_unique<ConvRecurrentCache>(*this);
  }

  at::Tensor memory_BDHW;  // what the cells remember
};

class ConvRecurrent final : public FrameModel {
 public:
  struct Config {
    int64_t dim = 64;  // D
    int64_t patch_px = 4;
    int64_t halo_px = 2;

    void fields(FieldVisitor& field) {
      field("dim", dim, "numbers that a cell remembers", Range{1, 65536});
      field("patch_px", patch_px, "side of the patch of a cell; divides height and width",
            Range{1, 4096});
      field("halo_px", halo_px, "pixels around its patch that a cell sees too", Range{0, 4096});
    }
    void check(const Report&) const {}
  };

  static Traits offers() { return {Trait::noise_levels, Trait::pixels}; }

  ConvRecurrent(const Config& config, const ModelInputs& inputs)
      : FrameModel(inputs), config_(config), bf16_(inputs.bf16) {
    const ParameterMaker make(inputs.seed);
    const auto& clip = inputs.shape;
    require_patches("model.patch_px", config.patch_px, clip);
    const int64_t D = config.dim, C = clip.channels, A = inputs.action_width();
    const int64_t patch_values = grid().window_px() * grid().window_px() * C;
    read_ = make.normal(*this, "read", {3 * D, patch_values},
                        1 / std::sqrt(static_cast<double>(patch_values)));
    condition_ = make.normal(*this, "condition", {3 * D, A + 1}, 0.3);
    bias_ = make.constant(*this, "bias", {3 * D}, 0);
    remember_ = make.normal(*this, "remember", {3 * D, D, 3, 3},
                            1 / std::sqrt(9.0 * static_cast<double>(D)));
    write_ = make.constant(*this, "write", {config.patch_px * config.patch_px * C, D}, 0);
  }

 private:
  PatchGrid grid() const { return {config_.patch_px, config_.halo_px}; }

  std::unique_ptr<FrameCache> make_cache() const override {
    return std::make_unique<ConvRecurrentCache>();
  }

  NetworkOutput run(const NetworkInput& input, FrameCache* cache, bool appends) override {
    auto* const known = static_cast<ConvRecurrentCache*>(cache);
    const auto& x_BTHWC = input.x_BT;
    const int64_t B = x_BTHWC.size(0), T = x_BTHWC.size(1), D = config_.dim;
    const int64_t rows = shape().height_px / config_.patch_px;
    const int64_t columns = shape().width_px / config_.patch_px;
    const auto seen_BTNE = patchify(x_BTHWC, grid(), bf16_ ? at::kBFloat16 : at::kFloat);
    const auto condition_BT1D =
        linear(at::cat({input.actions_BTA, levels_of(input).unsqueeze(2)}, 2), condition_, false)
            .unsqueeze(2);
    const auto input_BTND = linear(seen_BTNE, read_, bf16_) + (condition_BT1D + bias_);
    keep_layer(input, "input", input_BTND);
    const auto input_BTDHW = input_BTND.view({B, T, rows, columns, 3 * D}).permute({0, 1, 4, 2, 3});
    const bool goes_on = known != nullptr && known->memory_BDHW.defined();
    auto memory_BDHW =
        goes_on ? known->memory_BDHW : at::zeros({B, D, rows, columns}, x_BTHWC.options());
    std::vector<at::Tensor> memories;
    for (int64_t t = 0; t < T; ++t) {
      memory_BDHW = step(input_BTDHW.select(1, t), memory_BDHW);
      memories.push_back(memory_BDHW);
    }
    if (appends) known->memory_BDHW = memory_BDHW;
    const auto memory_BTND = at::stack(memories, 1).permute({0, 1, 3, 4, 2}).flatten(2, 3);
    keep_layer(input, "memory", memory_BTND);
    return {unpatchify(linear(memory_BTND, write_, bf16_), {config_.patch_px, 0}, shape().height_px,
                       shape().width_px)};
  }

  /// Cho et al. 2014, with the reset gate after the product.
  at::Tensor step(const at::Tensor& input_BDHW, const at::Tensor& memory_BDHW) const {
    const auto dtype = bf16_ ? at::kBFloat16 : at::kFloat;
    const auto around_BDHW =
        at::conv2d(memory_BDHW.to(dtype), remember_.to(dtype), {}, 1, 1).to(at::kFloat);
    const auto input = input_BDHW.chunk(3, 1), around = around_BDHW.chunk(3, 1);
    const auto keep = at::sigmoid(input[0] + around[0]), reset = at::sigmoid(input[1] + around[1]);
    const auto fresh = at::tanh(input[2] + reset * around[2]);
    return at::lerp(fresh, memory_BDHW, keep);
  }

  Config config_;
  bool bf16_;
  at::Tensor read_, condition_, bias_, remember_, write_;
};

NF_REGISTER_MODEL("conv_recurrent", ConvRecurrent, "a grid of recurrent cells; cheap and local")

}  // namespace nextframe
