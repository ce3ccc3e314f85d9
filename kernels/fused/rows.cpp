#include "kernels/fused/rows.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include "kernels/fused/device.h"
#include "kernels/norm.h"

namespace nextframe::fused {
namespace {

cpu::RowsCall rows_of(const at::Tensor& x, at::ScalarType norm_dtype) {
  return {x.numel() / x.size(-1), x.size(-1), norm_dtype == at::kBFloat16,
          static_cast<float>(kNormEpsilon)};
}

const float* data_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& update,
                                               at::ScalarType norm_dtype, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::add_rms_norm", c10::ArrayRef<const c10::IValue>());
  const auto norm = at::empty(x.sizes(), x.options().dtype(norm_dtype));
  const auto sum = update.defined() ? at::empty_like(x) : x;
  run_on(x, with, [&](const auto& forms, auto... stream) {
    forms.add_norm(rows_of(x, norm_dtype), x.const_data_ptr<float>(),
                   update.defined() ? update.const_data_ptr() : nullptr,
                   update.defined() ? sum.template mutable_data_ptr<float>() : nullptr,
                   norm.mutable_data_ptr(), stream...);
  });
  return {sum, norm};
}

std::pair<at::Tensor, at::Tensor> add_rms_norm_backward(const at::Tensor& sum,
                                                        const at::Tensor& grad_sum,
                                                        const at::Tensor& grad_norm,
                                                        bool wants_update, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::add_rms_norm_backward", c10::ArrayRef<const c10::IValue>());
  const auto from_norm = grad_norm.contiguous();
  const auto from_sum = grad_sum.defined() ? grad_sum.contiguous() : grad_sum;
  const auto grad_x = at::empty_like(sum);
  const auto grad_update =
      wants_update ? at::empty(sum.sizes(), grad_norm.options()) : at::Tensor();
  run_on(sum, with, [&](const auto& forms, auto... stream) {
    forms.add_norm_backward(rows_of(sum, grad_norm.scalar_type()), sum.const_data_ptr<float>(),
                            data_or_null(from_sum), from_norm.const_data_ptr(),
                            grad_x.template mutable_data_ptr<float>(),
                            wants_update ? grad_update.mutable_data_ptr() : nullptr, stream...);
  });
  return {grad_x, grad_update};
}

at::Tensor add(const at::Tensor& x, const at::Tensor& update, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::add", c10::ArrayRef<const c10::IValue>());
  const auto sum = at::empty_like(x);
  run_on(x, with, [&](const auto& forms, auto... stream) {
    forms.add_norm(rows_of(x, update.scalar_type()), x.const_data_ptr<float>(),
                   update.const_data_ptr(), sum.template mutable_data_ptr<float>(), nullptr,
                   stream...);
  });
  return sum;
}

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
