#include "kernels/cpu/squared_error_cpu.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

namespace nextframe::cpu {
namespace {

struct Frames {
  explicit Frames(const at::Tensor& a_BT)
      : count(a_BT.size(0) * a_BT.size(1)), size(count == 0 ? 0 : a_BT.numel() / count) {}
  int64_t count, size;
};

}  // namespace

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT, const Loops& with) {
  RECORD_FUNCTION("nextframe::frame_squared_error", c10::ArrayRef<const c10::IValue>());
  const auto result_BT = at::empty({a_BT.size(0), a_BT.size(1)}, at::kFloat);
  const Frames frames(a_BT);
  with.squared_error(a_BT.const_data_ptr<float>(), b_BT.const_data_ptr<float>(), frames.count,
                     frames.size, result_BT.mutable_data_ptr<float>());
  return result_BT;
}

at::Tensor frame_squared_error_backward(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                        const at::Tensor& grad_BT, const Loops& with) {
  RECORD_FUNCTION("nextframe::frame_squared_error_backward", c10::ArrayRef<const c10::IValue>());
  const auto grad_a = at::empty_like(a_BT);
  const Frames frames(a_BT);
  with.squared_error_backward(a_BT.const_data_ptr<float>(), b_BT.const_data_ptr<float>(),
                              grad_BT.const_data_ptr<float>(), frames.count, frames.size,
                              grad_a.mutable_data_ptr<float>());
  return grad_a;
}

}  // namespace nextframe::cpu
