#include "kernels/patchify.h"

#include <ATen/ATen.h>

#include "kernels/fused/device.h"
#include "kernels/fused/frames.h"
#include "kernels/torch.h"

namespace nextframe {
namespace {

/// What patchify means. The fused forms are tested against it.
at::Tensor patchify_definition(const at::Tensor& frames_BTHWC, const PatchGrid& grid,
                               at::ScalarType dtype) {
  const auto x =
      frames_BTHWC.scalar_type() == at::kByte ? pixels_from_bytes(frames_BTHWC) : frames_BTHWC;
  const int64_t halo = grid.halo_px, window = grid.window_px();
  const auto padded_BTHWC = at::constant_pad_nd(x, {0, 0, halo, halo, halo, halo});
  const auto windows =
      padded_BTHWC.unfold(2, window, grid.patch_px).unfold(3, window, grid.patch_px);
  return windows.permute({0, 1, 2, 3, 5, 6, 4}).flatten(4).flatten(2, 3).to(dtype);
}

/// What unpatchify means.
at::Tensor unpatchify_definition(const at::Tensor& patches_BTNE, const PatchGrid& grid,
                                 int64_t height_px, int64_t width_px) {
  const int64_t B = patches_BTNE.size(0), T = patches_BTNE.size(1), N = patches_BTNE.size(2);
  const int64_t window = grid.window_px(), area = window * window;
  const auto exact =
      patches_BTNE.scalar_type() == at::kBFloat16 ? patches_BTNE.to(at::kFloat) : patches_BTNE;
  const auto columns = exact.reshape({B * T, N, area, -1}).permute({0, 3, 2, 1}).flatten(1, 2);
  const auto frames = at::col2im(columns, {height_px, width_px}, {window, window}, {1, 1},
                                 {grid.halo_px, grid.halo_px}, {grid.patch_px, grid.patch_px});
  return frames.permute({0, 2, 3, 1}).reshape({B, T, height_px, width_px, -1});
}

bool is_small_float(at::ScalarType dtype) { return dtype == at::kFloat || dtype == at::kBFloat16; }

at::Tensor cut(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype) {
  const auto type = frames_BTHWC.scalar_type();
  const bool known = (type == at::kByte || type == at::kFloat) && is_small_float(dtype);
  if (known && fused::has_forms_for(frames_BTHWC))
    return fused::patchify(frames_BTHWC.contiguous(), grid, dtype);
  return patchify_definition(frames_BTHWC, grid, dtype);
}

at::Tensor join(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                int64_t width_px) {
  if (fused::has_forms_for(patches_BTNE) && is_small_float(patches_BTNE.scalar_type())) {
    return fused::unpatchify(patches_BTNE.contiguous(), grid, height_px, width_px);
  }
  return unpatchify_definition(patches_BTNE, grid, height_px, width_px);
}

/// Each is the other's backward.
class Cut : public torch::autograd::Function<Cut> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& frames,
                            int64_t patch_px, int64_t halo_px, at::ScalarType dtype) {
    context->saved_data["patch_px"] = patch_px;
    context->saved_data["halo_px"] = halo_px;
    context->saved_data["height_px"] = frames.size(2);
    context->saved_data["width_px"] = frames.size(3);
    return cut(frames, {patch_px, halo_px}, dtype);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    auto& saved = context->saved_data;
    return {join(grads[0], {saved["patch_px"].toInt(), saved["halo_px"].toInt()},
                 saved["height_px"].toInt(), saved["width_px"].toInt()),
            {},
            {},
            {}};
  }
};

class Join : public torch::autograd::Function<Join> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& patches,
                            int64_t patch_px, int64_t halo_px, int64_t height_px,
                            int64_t width_px) {
    context->saved_data["patch_px"] = patch_px;
    context->saved_data["halo_px"] = halo_px;
    context->saved_data["dtype"] = patches.scalar_type();
    return join(patches, {patch_px, halo_px}, height_px, width_px);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    auto& saved = context->saved_data;
    return {cut(grads[0], {saved["patch_px"].toInt(), saved["halo_px"].toInt()},
                saved["dtype"].toScalarType()),
            {},
            {},
            {},
            {}};
  }
};

/// What patchify_with_changes means.
at::Tensor with_changes_definition(const at::Tensor& frames_BTHWC, const at::Tensor& before_B1HWC,
                                   const PatchGrid& grid, at::ScalarType dtype) {
  const auto first = frames_BTHWC.slice(1, 0, 1);
  const auto earlier =
      at::cat({before_B1HWC.defined() ? before_B1HWC : first, frames_BTHWC.slice(1, 0, -1)}, 1);
  return at::cat(
      {patchify(frames_BTHWC, grid, dtype), patchify(frames_BTHWC - earlier, grid, dtype)}, 3);
}

void check_frame_size(const char* who, const PatchGrid& grid, int64_t height_px, int64_t width_px) {
  TORCH_CHECK(grid.patch_px >= 1 && height_px % grid.patch_px == 0 && width_px % grid.patch_px == 0,
              who, ": patch_px ", grid.patch_px, " must divide the frame size ", height_px, "x",
              width_px);
  TORCH_CHECK(grid.halo_px >= 0, who, ": halo_px must be 0 or more, got ", grid.halo_px);
}

}  // namespace

at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype) {
  TORCH_CHECK(frames_BTHWC.dim() == 5, "patchify: frames must be [B, T, H, W, C], got ",
              frames_BTHWC.sizes());
  check_frame_size("patchify", grid, frames_BTHWC.size(2), frames_BTHWC.size(3));
  return Cut::apply(frames_BTHWC, grid.patch_px, grid.halo_px, dtype);
}

at::Tensor patchify_with_changes(const at::Tensor& frames_BTHWC, const at::Tensor& before_B1HWC,
                                 const PatchGrid& grid, at::ScalarType dtype) {
  TORCH_CHECK(frames_BTHWC.dim() == 5, "patchify: frames must be [B, T, H, W, C], got ",
              frames_BTHWC.sizes());
  check_frame_size("patchify", grid, frames_BTHWC.size(2), frames_BTHWC.size(3));
  const bool fast = fused::has_forms_for(frames_BTHWC) &&
                    frames_BTHWC.scalar_type() == at::kFloat && is_small_float(dtype) &&
                    !frames_BTHWC.requires_grad();
  if (!fast) return with_changes_definition(frames_BTHWC, before_B1HWC, grid, dtype);
  const auto before =
      before_B1HWC.defined() ? before_B1HWC.to(frames_BTHWC.options()).contiguous() : before_B1HWC;
  return fused::patchify_with_changes(frames_BTHWC.contiguous(), before, grid, dtype);
}

at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px) {
  check_frame_size("unpatchify", grid, height_px, width_px);
  const int64_t num_patches = (height_px / grid.patch_px) * (width_px / grid.patch_px);
  const int64_t area = grid.window_px() * grid.window_px();
  TORCH_CHECK(patches_BTNE.dim() == 4 && patches_BTNE.size(2) == num_patches &&
                  patches_BTNE.size(3) % area == 0,
              "unpatchify: patches must be [B, T, ", num_patches, ", ", area, " C], got ",
              patches_BTNE.sizes());
  return Join::apply(patches_BTNE, grid.patch_px, grid.halo_px, height_px, width_px);
}

at::Tensor pixels_from_bytes(const at::Tensor& bytes) {
  TORCH_CHECK(bytes.scalar_type() == at::kByte, "pixels: frames must be uint8, got ",
              bytes.scalar_type());
  if (!fused::has_forms_for(bytes)) return bytes.to(at::kFloat).div_(127.5).sub_(1.0);
  const auto whole = bytes.contiguous();
  const auto pixels = at::empty(bytes.sizes(), bytes.options().dtype(at::kFloat));
  fused::run_on(bytes, cpu::loops(), [&](const auto& forms, auto... stream) {
    forms.scale_bytes(whole.const_data_ptr<uint8_t>(), whole.numel(),
                      pixels.template mutable_data_ptr<float>(), stream...);
  });
  return pixels;
}

at::Tensor unit_range(const at::Tensor& pixels) {
  return pixels.add(1.0).mul_(0.5).clamp_(0.0, 1.0);
}

}  // namespace nextframe
