// A tokenizer's codes: a constant vector stands for each on the way in, logits come out.

#include "kernels/linear.h"
#include "kernels/torch.h"
#include "model/ends/frame_ends.h"

namespace nextframe {
namespace {

class CodeEnds final : public TokenEnds {
 public:
  explicit CodeEnds(const EndsShape& shape) : TokenEnds(shape) {}

  void make_stem(torch::nn::Module& owner, const ParameterMaker& make) override {
    const int64_t width = shape_.space.code_vectors_VE.size(1);
    stem_ = make.normal(owner, "code_stem", {shape_.dim, width}, 0.5);
    place_ = make.normal(owner, "place", {tokens(), shape_.dim}, 0.2);
    if (shape_.hides_codes) hidden_ = make.normal(owner, "hidden_code", {shape_.dim}, 0.5);
    vectors_VE_ = owner.register_buffer("code_vectors", shape_.space.code_vectors_VE);
  }

  void make_head(torch::nn::Module& owner, const ParameterMaker& make) override {
    make_token_head(owner, make, shape_.space.num_codes());
  }

  at::Tensor embed(const NetworkInput& input, const at::Tensor& /*before_B1N*/) const override {
    const auto& codes_BTN = input.x_BT;
    auto sizes = codes_BTN.sizes().vec();
    sizes.push_back(vectors_VE_.size(1));
    const auto vectors_BTNE = vectors_VE_.index_select(0, codes_BTN.reshape({-1})).view(sizes);
    auto tokens_BTND = linear(vectors_BTNE, stem_, false);
    if (shape_.hides_codes && input.hidden_BTN.defined())
      tokens_BTND = at::where(input.hidden_BTN.unsqueeze(3), hidden_, tokens_BTND);
    return tokens_BTND + place_;
  }

 private:
  at::Tensor hidden_, vectors_VE_;
};

}  // namespace

std::unique_ptr<FrameEnds> make_code_ends(const EndsShape& shape) {
  return std::make_unique<CodeEnds>(shape);
}

}  // namespace nextframe
