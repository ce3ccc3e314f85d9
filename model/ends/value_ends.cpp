// A tokenizer's values: a token of the frame is a token of the network.

#include "kernels/linear.h"
#include "kernels/torch.h"
#include "model/ends/frame_ends.h"

namespace nextframe {
namespace {

class ValueEnds final : public TokenEnds {
 public:
  explicit ValueEnds(const EndsShape& shape) : TokenEnds(shape) {}

  void make_stem(torch::nn::Module& owner, const ParameterMaker& make) override {
    const int64_t values = shape_.space.width * (shape_.differences ? 2 : 1);
    stem_ = make.normal(owner, "value_stem", {shape_.dim, values},
                        1 / std::sqrt(static_cast<double>(values)));
    place_ = make.normal(owner, "place", {tokens(), shape_.dim}, 0.2);
  }

  void make_head(torch::nn::Module& owner, const ParameterMaker& make) override {
    make_token_head(owner, make, shape_.space.width);
  }

  at::Tensor embed(const NetworkInput& input, const at::Tensor& before_B1NE) const override {
    return linear(shape_.differences ? with_changes(input.x_BT, before_B1NE) : input.x_BT, stem_,
                  false) +
           place_;
  }

 private:
  /// Each value with its change since the frame before; without one the change is 0.
  static at::Tensor with_changes(const at::Tensor& x_BTNE, const at::Tensor& before_B1NE) {
    const auto first = before_B1NE.defined() ? before_B1NE : x_BTNE.slice(1, 0, 1);
    return at::cat({x_BTNE, x_BTNE - at::cat({first, x_BTNE.slice(1, 0, -1)}, 1)}, 3);
  }
};

}  // namespace

std::unique_ptr<FrameEnds> make_value_ends(const EndsShape& shape) {
  return std::make_unique<ValueEnds>(shape);
}

}  // namespace nextframe
