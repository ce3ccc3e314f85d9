#include "kernels/linear.h"
#include "kernels/norm.h"
#include "kernels/torch.h"
#include "model/ends/frame_ends.h"

namespace nextframe {

void TokenEnds::make_token_head(torch::nn::Module& owner, const ParameterMaker& make,
                                int64_t outputs) {
  head_ = make.constant(owner, "head", {outputs, shape_.dim}, 0);
}

at::Tensor TokenEnds::read(const at::Tensor& tokens_BTND) const {
  return linear(rms_norm(tokens_BTND, shape_.bf16), head_, shape_.bf16).to(at::kFloat);
}

double TokenEnds::products_per_frame() const {
  const double stem = 2.0 / 3.0 * static_cast<double>(stem_.numel());
  return static_cast<double>(tokens()) * (stem + static_cast<double>(head_.numel()));
}

}  // namespace nextframe
