// Patchify and unpatchify. Bound by memory: every value of a window is read once and written once,
// in runs of one window row. Private to each source file, see registers.h.
#pragma once

#include "kernels/cpu/row_loops.h"

namespace nextframe::cpu {
namespace {

/// The part of a window row that lies inside the frame, in values.
struct Run {
  int64_t frame_at, window_at, count;
};

struct PatchLayout {
  explicit PatchLayout(const PatchCall& of)
      : call(of),
        columns(call.width_px / call.patch_px),
        rows(call.height_px / call.patch_px),
        window_px(call.patch_px + 2 * call.halo_px),
        row_size(window_px * call.channels),
        frame_size(call.height_px * call.width_px * call.channels) {}

  /// Calls visit(row of the window, run) for patch (row, column) of a frame; a row outside of the
  /// frame has a run of 0.
  template <class Visit>
  NF_INLINE void each_run(int64_t row, int64_t column, const Visit& visit) const {
    const int64_t top = row * call.patch_px - call.halo_px;
    const int64_t left = column * call.patch_px - call.halo_px, right = left + window_px;
    const int64_t first = left > 0 ? left : 0;
    const int64_t last = right < call.width_px ? right : call.width_px;
    for (int64_t y = 0; y < window_px; ++y) {
      const bool inside = top + y >= 0 && top + y < call.height_px;
      visit(y, Run{((top + y) * call.width_px + first) * call.channels,
                   (first - left) * call.channels, inside ? (last - first) * call.channels : 0});
    }
  }

  PatchCall call;
  int64_t columns, rows, window_px, row_size, frame_size;
};

/// Bytes are scaled to [-1, 1].
NF_INLINE Floats load_pixels(const uint8_t* from, int64_t count) {
  uint8_t some[kLanes] = {};
  std::memcpy(some, from, static_cast<size_t>(count < kLanes ? count : kLanes));
  using Bytes = uint8_t __attribute__((vector_size(kLanes)));
  return __builtin_convertvector(load<Bytes>(some), Floats) / 127.5f - 1.0f;
}
NF_INLINE Floats load_pixels(const float* from, int64_t count) { return load_partial(from, count); }

/// One frame; `before` is the frame before it, or null where there is none.
template <class Pixel, class T>
void cut_frame(const PatchLayout& s, const Pixel* frame, const Pixel* before, T* to) {
  const int64_t size = s.window_px * s.row_size;
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t column = 0; column < s.columns; ++column) {
      s.each_run(row, column, [&](int64_t y, const Run& run) NF_LAMBDA_INLINE {
        T* const pixels = to + y * s.row_size;
        T* const changes = pixels + size;
        if (run.count < s.row_size) {
          std::memset(static_cast<void*>(pixels), 0, static_cast<size_t>(s.row_size) * sizeof(T));
        }
        if (s.call.with_changes && (run.count < s.row_size || before == nullptr)) {
          std::memset(static_cast<void*>(changes), 0, static_cast<size_t>(s.row_size) * sizeof(T));
        }
        for (int64_t i = 0; i < run.count; i += kLanes) {
          const int64_t left = run.count - i;
          const Floats value = load_pixels(frame + run.frame_at + i, left);
          store_partial(pixels + run.window_at + i, value, left);
          if (!s.call.with_changes || before == nullptr) continue;
          const Floats change = value - load_pixels(before + run.frame_at + i, left);
          store_partial(changes + run.window_at + i, change, left);
        }
      });
      to += s.call.with_changes ? 2 * size : size;
    }
  }
}

template <class Pixel, class T>
void cut_frames(const PatchCall& call, int64_t first, int64_t last) {
  const PatchLayout s(call);
  const int64_t patch_size = s.window_px * s.row_size * (call.with_changes ? 2 : 1);
  for (int64_t number = first; number < last; ++number) {
    const Pixel* const frame = static_cast<const Pixel*>(call.frames) + number * s.frame_size;
    const int64_t clip = number / call.clip_frames;
    const Pixel* before = frame - s.frame_size;
    if (number % call.clip_frames == 0) {
      before = call.before == nullptr
                   ? nullptr
                   : static_cast<const Pixel*>(call.before) + clip * s.frame_size;
    }
    cut_frame(s, frame, before,
              static_cast<T*>(call.patches) + number * s.rows * s.columns * patch_size);
  }
}

template <class T>
void join_frames(const PatchCall& call, int64_t first, int64_t last) {
  const PatchLayout s(call);
  const int64_t patch_size = s.window_px * s.row_size;
  for (int64_t number = first; number < last; ++number) {
    float* const frame = static_cast<float*>(call.frames) + number * s.frame_size;
    const T* from = static_cast<const T*>(call.patches) + number * s.rows * s.columns * patch_size;
    std::memset(frame, 0, static_cast<size_t>(s.frame_size) * sizeof(float));
    for (int64_t row = 0; row < s.rows; ++row) {
      for (int64_t column = 0; column < s.columns; ++column, from += patch_size) {
        s.each_run(row, column, [&](int64_t y, const Run& run) NF_LAMBDA_INLINE {
          const T* const values = from + y * s.row_size + run.window_at;
          float* const to = frame + run.frame_at;
          for (int64_t i = 0; i < run.count; i += kLanes) {
            const int64_t left = run.count - i;
            store_partial(to + i, load_partial(to + i, left) + load_partial(values + i, left),
                          left);
          }
        });
      }
    }
  }
}

void cut_patches(const PatchCall& call, int64_t first, int64_t last) {
  if (call.frames_are_bytes) {
    call.patches_are_bf16 ? cut_frames<uint8_t, Bf16>(call, first, last)
                          : cut_frames<uint8_t, float>(call, first, last);
  } else {
    call.patches_are_bf16 ? cut_frames<float, Bf16>(call, first, last)
                          : cut_frames<float, float>(call, first, last);
  }
}
void join_patches(const PatchCall& call, int64_t first, int64_t last) {
  call.patches_are_bf16 ? join_frames<Bf16>(call, first, last)
                        : join_frames<float>(call, first, last);
}

}  // namespace
}  // namespace nextframe::cpu
