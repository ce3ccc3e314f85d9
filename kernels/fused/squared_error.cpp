#include "kernels/fused/squared_error.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include "kernels/fused/device.h"

namespace nextframe::fused {
namespace {

struct Frames {
  explicit Frames(const at::Tensor& a_BT)
      : count(a_BT.size(0) * a_BT.size(1)), size(count == 0 ? 0 : a_BT.numel() / count) {}
  int64_t count, size;
};

}  // namespace

at::Tensor frame_squared_error(const at::Tensor& a_BT, const at::Tensor& b_BT,
                               const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::frame_squared_error", c10::ArrayRef<const c10::IValue>());
  const auto result_BT = at::empty({a_BT.size(0), a_BT.size(1)}, a_BT.options());
  const Frames frames(a_BT);
  if (!a_BT.is_cpu()) {
    const auto parts =
        at::empty({frames.count * cuda::parts_of(frames.size)}, a_BT.options().dtype(at::kDouble));
    launch_for(a_BT, [&](const auto& launches, cuda::Stream stream) {
      launches.squared_error(a_BT.const_data_ptr<float>(), b_BT.const_data_ptr<float>(),
                             frames.count, frames.size, parts.mutable_data_ptr<double>(),
                             result_BT.mutable_data_ptr<float>(), stream);
    });
    return result_BT;
  }
  with.squared_error(a_BT.const_data_ptr<float>(), b_BT.const_data_ptr<float>(), frames.count,
                     frames.size, result_BT.mutable_data_ptr<float>());
  return result_BT;
}

at::Tensor frame_squared_error_backward(const at::Tensor& a_BT, const at::Tensor& b_BT,
                                        const at::Tensor& grad_BT, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::frame_squared_error_backward", c10::ArrayRef<const c10::IValue>());
  const auto grad_a = at::empty_like(a_BT);
  const Frames frames(a_BT);
  run_on(a_BT, with, [&](const auto& forms, auto... stream) {
    forms.squared_error_backward(a_BT.const_data_ptr<float>(), b_BT.const_data_ptr<float>(),
                                 grad_BT.const_data_ptr<float>(), frames.count, frames.size,
                                 grad_a.template mutable_data_ptr<float>(), stream...);
  });
  return grad_a;
}

}  // namespace nextframe::fused
