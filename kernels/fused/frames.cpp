#include "kernels/fused/frames.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include "kernels/fused/device.h"

namespace nextframe::fused {
namespace {

cpu::PatchCall make_call(const at::Tensor& frames_BTHWC, const PatchGrid& grid,
                         at::ScalarType patch_dtype) {
  cpu::PatchCall call{};
  const auto sizes = frames_BTHWC.sizes();
  call.clip_frames = sizes[1];
  call.height_px = sizes[2], call.width_px = sizes[3], call.channels = sizes[4];
  call.patch_px = grid.patch_px, call.halo_px = grid.halo_px;
  call.frames_are_bytes = frames_BTHWC.scalar_type() == at::kByte;
  call.patches_are_bf16 = patch_dtype == at::kBFloat16;
  call.frames = frames_BTHWC.data_ptr();
  return call;
}

/// f(first, last, forms, stream...) over all frames: in parallel on the CPU, at once on a GPU.
template <class F>
void over_frames(const at::Tensor& frames_BTHWC, const cpu::Loops& with, const F& f) {
  const int64_t count = frames_BTHWC.size(0) * frames_BTHWC.size(1);
  if (!frames_BTHWC.is_cpu()) {
    return launch_for(frames_BTHWC, [&](const auto& launches, cuda::Stream stream) {
      f(int64_t{0}, count, launches, stream);
    });
  }
  at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) { f(first, last, with); });
}

at::Tensor cut(cpu::PatchCall call, const at::Tensor& frames_BTHWC, const PatchGrid& grid,
               at::ScalarType dtype, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::patchify", c10::ArrayRef<const c10::IValue>());
  const int64_t num_patches = (call.height_px / call.patch_px) * (call.width_px / call.patch_px);
  const int64_t values = grid.window_px() * grid.window_px() * call.channels;
  const int64_t B = frames_BTHWC.size(0), T = frames_BTHWC.size(1);
  const auto patches_BTNE = at::empty({B, T, num_patches, call.with_changes ? 2 * values : values},
                                      frames_BTHWC.options().dtype(dtype));
  call.patches = patches_BTNE.mutable_data_ptr();
  over_frames(frames_BTHWC, with, [&](auto first, auto last, const auto& forms, auto... stream) {
    forms.cut_patches(call, first, last, stream...);
  });
  return patches_BTNE;
}

}  // namespace

at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype,
                    const cpu::Loops& with) {
  return cut(make_call(frames_BTHWC, grid, dtype), frames_BTHWC, grid, dtype, with);
}

at::Tensor patchify_with_changes(const at::Tensor& frames_BTHWC, const at::Tensor& before_B1HWC,
                                 const PatchGrid& grid, at::ScalarType dtype,
                                 const cpu::Loops& with) {
  auto call = make_call(frames_BTHWC, grid, dtype);
  call.with_changes = true;
  if (before_B1HWC.defined()) call.before = before_B1HWC.const_data_ptr();
  return cut(call, frames_BTHWC, grid, dtype, with);
}

at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px, const cpu::Loops& with) {
  RECORD_FUNCTION("nextframe::unpatchify", c10::ArrayRef<const c10::IValue>());
  const auto sizes = patches_BTNE.sizes();
  const int64_t channels = sizes[3] / (grid.window_px() * grid.window_px());
  const auto frames_BTHWC = at::empty({sizes[0], sizes[1], height_px, width_px, channels},
                                      patches_BTNE.options().dtype(at::kFloat));
  auto call = make_call(frames_BTHWC, grid, patches_BTNE.scalar_type());
  call.patches = patches_BTNE.data_ptr();
  over_frames(frames_BTHWC, with, [&](auto first, auto last, const auto& forms, auto... stream) {
    forms.join_patches(call, first, last, stream...);
  });
  return frames_BTHWC;
}

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
