#include "kernels/fused/swiglu.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include "kernels/fused/device.h"

namespace nextframe::fused {
namespace {

cpu::RowsCall rows_of(const at::Tensor& x) {
  return {x.numel() / x.size(-1), x.size(-1) / 2, x.scalar_type() == at::kBFloat16, 0};
}

}  // namespace

at::Tensor swiglu(const at::Tensor& x, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::swiglu", c10::ArrayRef<const c10::IValue>());
  auto sizes = x.sizes().vec();
  sizes.back() /= 2;
  const auto result = at::empty(sizes, x.options());
  run_on(x, with, [&](const auto& forms, auto... stream) {
    forms.swiglu(rows_of(x), x.const_data_ptr(), result.mutable_data_ptr(), stream...);
  });
  return result;
}

at::Tensor swiglu_backward(const at::Tensor& x, const at::Tensor& grad, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::swiglu_backward", c10::ArrayRef<const c10::IValue>());
  const auto grad_x = at::empty_like(x);
  run_on(x, with, [&](const auto& forms, auto... stream) {
    forms.swiglu_backward(rows_of(x), x.const_data_ptr(), grad.const_data_ptr(),
                          grad_x.mutable_data_ptr(), stream...);
  });
  return grad_x;
}

}  // namespace nextframe::fused
