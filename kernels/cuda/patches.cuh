// Patchify and unpatchify (kernels/patchify.h), with the same bits as the CPU's loops.
//
// Memory bound: a patch value is written once (4 bytes, 2 in bfloat16), a pixel comes from memory
// once (4 bytes, 1 as a byte; with changes that of the frame before too) and from cache for the
// windows that share it. Back, a pixel is written once (4 bytes) and gathers the values of all
// windows over it, patches in order: no atomics. Fraction of a copy's bandwidth: not measured.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

/// Sizes in values: neighbours in a row of pixels.
struct PatchSizes {
  int32_t rows, columns;  // of patches
  int32_t height_px, patch_px, halo_px, window_px;
  int32_t frame_row, patch, halo, window;  // rows of a frame, a patch, its halo, both

  explicit PatchSizes(const cpu::PatchCall& of)
      : height_px(static_cast<int32_t>(of.height_px)),
        patch_px(static_cast<int32_t>(of.patch_px)),
        halo_px(static_cast<int32_t>(of.halo_px)) {
    const auto channels = static_cast<int32_t>(of.channels);
    rows = height_px / patch_px;
    columns = static_cast<int32_t>(of.width_px) / patch_px;
    window_px = patch_px + 2 * halo_px;
    frame_row = static_cast<int32_t>(of.width_px) * channels;
    patch = patch_px * channels, halo = halo_px * channels, window = window_px * channels;
  }
  NF_HOST_DEVICE int64_t patch_size() const { return int64_t{window_px} * window; }
  NF_HOST_DEVICE int64_t frame_size() const { return int64_t{height_px} * frame_row; }
};

/// A thread has kCount neighbours in a row of a patch, and their changes.
template <class Pixel, class T, int kCount>
struct CutPatches {
  static constexpr uint32_t kSharedBytes = 0;
  PatchSizes s;
  int64_t first, last, clip_frames;
  const Pixel *frames, *before;
  bool with_changes;
  T* patches;

  NF_HOST_DEVICE int64_t groups_a_frame() const {
    return s.patch_size() / kCount * s.rows * s.columns;
  }
  int64_t blocks() const { return blocks_for((last - first) * groups_a_frame(), kBlockThreads); }

  /// Of row y from value `place`, which may be outside; zeros are there.
  NF_DEVICE void read(float (&to)[kCount], const Pixel* frame, int32_t y, int32_t place) const {
    const Pixel* const from = frame + int64_t{y} * s.frame_row + place;
    const bool inside = y >= 0 && y < s.height_px;
    const bool whole = inside && place >= 0 && place + kCount <= s.frame_row;
    if (whole && reinterpret_cast<uintptr_t>(from) % (kCount * sizeof(Pixel)) == 0) {
      return load_whole(to, from);
    }
    NF_UNROLL for (int j = 0; j < kCount; ++j) {
      const bool is_there = inside && place + j >= 0 && place + j < s.frame_row;
      to[j] = is_there ? load_one(from + j) : 0.0f;
    }
  }

  /// The frame before, null if there is none.
  NF_DEVICE const Pixel* earlier(int64_t number) const {
    if (number % clip_frames != 0) return frames + (number - 1) * s.frame_size();
    return before == nullptr ? nullptr : before + number / clip_frames * s.frame_size();
  }

  NF_DEVICE void operator()() const {
    const auto groups_a_row = static_cast<uint32_t>(s.window / kCount);
    const uint32_t groups_a_patch = groups_a_row * static_cast<uint32_t>(s.window_px);
    for (Walk at(groups_a_frame()); at.row < last - first; at.step()) {
      const auto group = static_cast<uint32_t>(at.column);
      const uint32_t patch = group / groups_a_patch, in_patch = group % groups_a_patch;
      const auto row = static_cast<int32_t>(patch / static_cast<uint32_t>(s.columns));
      const auto column = static_cast<int32_t>(patch % static_cast<uint32_t>(s.columns));
      const auto y = static_cast<int32_t>(in_patch / groups_a_row);
      const auto x = static_cast<int32_t>(in_patch % groups_a_row) * kCount;
      const int32_t frame_y = row * s.patch_px - s.halo_px + y;
      const int32_t place = column * s.patch - s.halo + x;

      const int64_t number = first + at.row;
      const Pixel* const frame = frames + number * s.frame_size();
      float values[kCount];
      read(values, frame, frame_y, place);
      const int64_t patch_number = number * s.rows * s.columns + patch;
      T* const to = patches + patch_number * s.patch_size() * (with_changes ? 2 : 1) +
                    int64_t{in_patch} * kCount;
      store_whole(to, values);
      if (!with_changes) continue;
      const Pixel* const then = earlier(number);
      float changes[kCount] = {};
      if (then != nullptr) {
        read(changes, then, frame_y, place);
        NF_UNROLL for (int j = 0; j < kCount; ++j) changes[j] = values[j] - changes[j];
      }
      store_whole(to + s.patch_size(), changes);
    }
  }
};

/// A thread has kCount neighbours in a row of a frame; the same windows are over all of them.
template <class T, int kCount>
struct JoinPatches {
  static constexpr uint32_t kSharedBytes = 0;
  PatchSizes s;
  int64_t first, last;
  const T* patches;
  float* frames;

  NF_HOST_DEVICE int64_t groups_a_frame() const { return s.frame_size() / kCount; }
  int64_t blocks() const { return blocks_for((last - first) * groups_a_frame(), kBlockThreads); }

  struct Range {
    int32_t begin, end;
  };
  /// Windows of `window`, one every `step`, the first of them `halo` before 0, that are over `at`.
  static NF_DEVICE Range windows_over(int32_t at, int32_t step, int32_t halo, int32_t window,
                                      int32_t count) {
    const int32_t place = at + halo, newest = place / step;
    const int32_t oldest = place < window ? 0 : (place - window) / step + 1;
    return {oldest, newest < count ? newest + 1 : count};
  }

  NF_DEVICE void operator()() const {
    const auto groups_a_row = static_cast<uint32_t>(s.frame_row / kCount);
    for (Walk at(groups_a_frame()); at.row < last - first; at.step()) {
      const auto group = static_cast<uint32_t>(at.column);
      const auto y = static_cast<int32_t>(group / groups_a_row);
      const auto x = static_cast<int32_t>(group % groups_a_row) * kCount;
      const Range rows = windows_over(y, s.patch_px, s.halo_px, s.window_px, s.rows);
      const Range columns = windows_over(x, s.patch, s.halo, s.window, s.columns);
      const int64_t number = first + at.row;
      float sums[kCount] = {};
      for (int32_t row = rows.begin; row < rows.end; ++row) {
        for (int32_t column = columns.begin; column < columns.end; ++column) {
          const int64_t patch = (number * s.rows + row) * s.columns + column;
          const int32_t in_y = y - (row * s.patch_px - s.halo_px);
          const int32_t in_x = x - (column * s.patch - s.halo);
          float values[kCount];
          load_whole(values, patches + patch * s.patch_size() + int64_t{in_y} * s.window + in_x);
          NF_UNROLL for (int j = 0; j < kCount; ++j) sums[j] += values[j];
        }
      }
      store_whole(frames + number * s.frame_size() + int64_t{y} * s.frame_row + x, sums);
    }
  }
};

/// Bytes of pixels to [-1, 1].
template <int kCount>
struct ScaleBytes {
  static constexpr uint32_t kSharedBytes = 0;
  const uint8_t* bytes;
  int64_t count;
  float* pixels;

  int64_t blocks() const { return blocks_for(count / kCount, kBlockThreads); }

  NF_DEVICE void operator()() const {
    const int64_t stride = int64_t{ptx::nctaid()} * kBlockThreads * kCount;
    int64_t i = (int64_t{ptx::ctaid()} * kBlockThreads + ptx::tid()) * kCount;
    for (; i < count; i += stride) {
      float values[kCount];
      load_whole(values, bytes + i);
      store_whole(pixels + i, values);
    }
  }
};

template <class Pixel, class T, class Start>
void cut_patches_of(const cpu::PatchCall& call, int64_t first, int64_t last, const Start& start) {
  const PatchSizes s(call);
  const auto* frames = static_cast<const Pixel*>(call.frames);
  const auto* before = static_cast<const Pixel*>(call.before);
  auto* patches = static_cast<T*>(call.patches);
  if (s.window % 4 == 0 && are_aligned(patches)) {
    return start(CutPatches<Pixel, T, 4>{s, first, last, call.clip_frames, frames, before,
                                         call.with_changes, patches});
  }
  start(CutPatches<Pixel, T, 1>{s, first, last, call.clip_frames, frames, before, call.with_changes,
                                patches});
}

template <class T, class Start>
void join_patches_of(const cpu::PatchCall& call, int64_t first, int64_t last, const Start& start) {
  const PatchSizes s(call);
  const auto* patches = static_cast<const T*>(call.patches);
  auto* frames = static_cast<float*>(call.frames);
  if (s.patch % 4 == 0 && s.halo % 4 == 0 && are_aligned(patches, frames))
    return start(JoinPatches<T, 4>{s, first, last, patches, frames});
  start(JoinPatches<T, 1>{s, first, last, patches, frames});
}

template <class Start>
void start_cut_patches(const cpu::PatchCall& call, int64_t first, int64_t last,
                       const Start& start) {
  if (call.frames_are_bytes) {
    return call.patches_are_bf16 ? cut_patches_of<uint8_t, Bf16Value>(call, first, last, start)
                                 : cut_patches_of<uint8_t, float>(call, first, last, start);
  }
  call.patches_are_bf16 ? cut_patches_of<float, Bf16Value>(call, first, last, start)
                        : cut_patches_of<float, float>(call, first, last, start);
}

template <class Start>
void start_join_patches(const cpu::PatchCall& call, int64_t first, int64_t last,
                        const Start& start) {
  call.patches_are_bf16 ? join_patches_of<Bf16Value>(call, first, last, start)
                        : join_patches_of<float>(call, first, last, start);
}

template <class Start>
void start_scale_bytes(const uint8_t* bytes, int64_t count, float* pixels, const Start& start) {
  if (count % 4 == 0 && are_aligned(bytes, pixels))
    return start(ScaleBytes<4>{bytes, count, pixels});
  start(ScaleBytes<1>{bytes, count, pixels});
}

}  // namespace
}  // namespace nextframe
