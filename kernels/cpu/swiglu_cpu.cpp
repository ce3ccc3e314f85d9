#include "kernels/cpu/swiglu_cpu.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

namespace nextframe::cpu {
namespace {

RowsCall rows_of(const at::Tensor& x) {
  return {x.numel() / x.size(-1), x.size(-1) / 2, x.scalar_type() == at::kBFloat16, 0};
}

}  // namespace

at::Tensor swiglu(const at::Tensor& x, const Loops& with) {
  RECORD_FUNCTION("nextframe::swiglu", c10::ArrayRef<const c10::IValue>());
  auto sizes = x.sizes().vec();
  sizes.back() /= 2;
  const auto result = at::empty(sizes, x.options());
  with.swiglu(rows_of(x), x.const_data_ptr(), result.mutable_data_ptr());
  return result;
}

at::Tensor swiglu_backward(const at::Tensor& x, const at::Tensor& grad, const Loops& with) {
  RECORD_FUNCTION("nextframe::swiglu_backward", c10::ArrayRef<const c10::IValue>());
  const auto grad_x = at::empty_like(x);
  with.swiglu_backward(rows_of(x), x.const_data_ptr(), grad.const_data_ptr(),
                       grad_x.mutable_data_ptr());
  return grad_x;
}

}  // namespace nextframe::cpu
