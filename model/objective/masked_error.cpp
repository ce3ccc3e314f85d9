#include "model/objective/masked_error.h"

#include <ATen/ATen.h>

#include "kernels/losses.h"

namespace nextframe {

at::Tensor valid_pairs(const at::Tensor& mask_BT) {
  return mask_BT.slice(1, 1).logical_and(mask_BT.slice(1, 0, -1)).to(at::kFloat);
}

at::Tensor per_frame(const at::Tensor& value_BT, const at::Tensor& x_BT) {
  std::vector<int64_t> sizes(static_cast<size_t>(x_BT.dim()), 1);
  sizes[0] = value_BT.size(0);
  sizes[1] = value_BT.size(1);
  return value_BT.view(sizes);
}

at::Tensor weighted_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                  const at::Tensor& weight_BT) {
  return (frame_squared_error(a_BT, b_BT) * weight_BT).sum();
}

at::Tensor total_weight(const at::Tensor& weight_BT, const at::Tensor& x_BT) {
  const int64_t frame_elements = x_BT[0][0].numel();
  return weight_BT.sum().to(at::kDouble) * static_cast<double>(frame_elements);
}

}  // namespace nextframe
