// Memory bound: every value of a window is read once and written once, in runs of one window row.
#include "kernels/cpu/patchify_cpu.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>

#include "kernels/cpu/lanes.h"

namespace nextframe::cpu {
namespace {

struct Layout {
  int64_t frames, height_px, width_px, channels;
  PatchGrid grid;

  int64_t rows() const { return height_px / grid.patch_px; }
  int64_t columns() const { return width_px / grid.patch_px; }
};

/// The part of a window row that lies inside the frame.
struct Run {
  int64_t frame_at, window_at, count;
};

/// Calls visit(patch, y in the window, run); a row outside of the frame has a run of 0.
template <class Visit>
NF_INLINE void each_run(const Layout& s, int64_t patch, const Visit& visit) {
  const int64_t frame = patch / (s.rows() * s.columns());
  const int64_t top = patch / s.columns() % s.rows() * s.grid.patch_px - s.grid.halo_px;
  const int64_t left = patch % s.columns() * s.grid.patch_px - s.grid.halo_px;
  const int64_t window = s.grid.window_px();
  const int64_t first = std::max<int64_t>(0, left), last = std::min(left + window, s.width_px);
  for (int64_t y = 0; y < window; ++y) {
    const bool inside = top + y >= 0 && top + y < s.height_px;
    visit(y, Run{((frame * s.height_px + top + y) * s.width_px + first) * s.channels,
                 (first - left) * s.channels, inside ? (last - first) * s.channels : 0});
  }
}

/// Bytes are scaled to [-1, 1].
NF_INLINE Lanes load_pixels(const uint8_t* from, int64_t count) {
  Lanes value{};
  for (int64_t i = 0; i < std::min(count, kLanes); ++i) value[i] = static_cast<float>(from[i]);
  return value / 127.5f - 1.0f;
}
NF_INLINE Lanes load_pixels(const float* from, int64_t count) { return load(from, count); }

template <class Pixel, class T>
NF_INLINE void cut_patches(const Layout& s, const Pixel* frames, T* patches) {
  const int64_t row_size = s.grid.window_px() * s.channels;
  const int64_t num_patches = s.frames * s.rows() * s.columns();
  for (int64_t patch = 0; patch < num_patches; ++patch) {
    T* const to = patches + patch * s.grid.window_px() * row_size;
    each_run(
        s, patch, [&](int64_t y, const Run& run) __attribute__((always_inline)) {
          T* const row = to + y * row_size;
          if (run.count < row_size) std::fill_n(row, row_size, T(0.0f));
          for (int64_t i = 0; i < run.count; i += kLanes) {
            const Lanes value = load_pixels(frames + run.frame_at + i, run.count - i);
            store(row + run.window_at + i, value, run.count - i);
          }
        });
  }
}

template <class T>
NF_INLINE void add_patches(const Layout& s, const T* patches, float* frames) {
  const int64_t row_size = s.grid.window_px() * s.channels;
  const int64_t num_patches = s.frames * s.rows() * s.columns();
  for (int64_t patch = 0; patch < num_patches; ++patch) {
    const T* const from = patches + patch * s.grid.window_px() * row_size;
    each_run(
        s, patch, [&](int64_t y, const Run& run) __attribute__((always_inline)) {
          for (int64_t i = 0; i < run.count; i += kLanes) {
            float* const to = frames + run.frame_at + i;
            const int64_t left = run.count - i;
            store(to, load(to, left) + load(from + y * row_size + run.window_at + i, left), left);
          }
        });
  }
}

using Half = c10::BFloat16;
NF_ANY_CPU void cut(const Layout& s, const uint8_t* frames, float* patches) {
  cut_patches(s, frames, patches);
}
NF_ANY_CPU void cut(const Layout& s, const uint8_t* frames, Half* patches) {
  cut_patches(s, frames, patches);
}
NF_ANY_CPU void cut(const Layout& s, const float* frames, float* patches) {
  cut_patches(s, frames, patches);
}
NF_ANY_CPU void cut(const Layout& s, const float* frames, Half* patches) {
  cut_patches(s, frames, patches);
}
NF_ANY_CPU void add(const Layout& s, const float* patches, float* frames) {
  add_patches(s, patches, frames);
}
NF_ANY_CPU void add(const Layout& s, const Half* patches, float* frames) {
  add_patches(s, patches, frames);
}

template <class Pixel>
void cut_into(const Layout& s, const Pixel* frames, const at::Tensor& patches) {
  if (patches.scalar_type() == at::kBFloat16) {
    cut(s, frames, patches.mutable_data_ptr<Half>());
  } else {
    cut(s, frames, patches.mutable_data_ptr<float>());
  }
}

}  // namespace

at::Tensor patchify(const at::Tensor& frames_BTHWC, const PatchGrid& grid, at::ScalarType dtype) {
  RECORD_FUNCTION("nextframe::patchify", c10::ArrayRef<const c10::IValue>());
  const auto sizes = frames_BTHWC.sizes();
  const Layout s{sizes[0] * sizes[1], sizes[2], sizes[3], sizes[4], grid};
  const auto patches_BTNE = at::empty({sizes[0], sizes[1], s.rows() * s.columns(),
                                       grid.window_px() * grid.window_px() * s.channels},
                                      dtype);
  if (frames_BTHWC.scalar_type() == at::kByte) {
    cut_into(s, frames_BTHWC.const_data_ptr<uint8_t>(), patches_BTNE);
  } else {
    cut_into(s, frames_BTHWC.const_data_ptr<float>(), patches_BTNE);
  }
  return patches_BTNE;
}

at::Tensor unpatchify(const at::Tensor& patches_BTNE, const PatchGrid& grid, int64_t height_px,
                      int64_t width_px) {
  RECORD_FUNCTION("nextframe::unpatchify", c10::ArrayRef<const c10::IValue>());
  const auto sizes = patches_BTNE.sizes();
  const int64_t channels = sizes[3] / (grid.window_px() * grid.window_px());
  const Layout s{sizes[0] * sizes[1], height_px, width_px, channels, grid};
  const auto frames_BTHWC =
      at::zeros({sizes[0], sizes[1], height_px, width_px, channels}, at::kFloat);
  if (patches_BTNE.scalar_type() == at::kBFloat16) {
    add(s, patches_BTNE.const_data_ptr<Half>(), frames_BTHWC.mutable_data_ptr<float>());
  } else {
    add(s, patches_BTNE.const_data_ptr<float>(), frames_BTHWC.mutable_data_ptr<float>());
  }
  return frames_BTHWC;
}

}  // namespace nextframe::cpu
