// Sums of squares: the squared error of each frame, forward and backward (kernels/losses.h), and
// the squared norm of a buffer (kernels/adamw.h).
//
// Memory bound: forward reads 8 bytes an element of a frame and 4 of a buffer, backward moves 12.
// Fraction of a copy's bandwidth: not measured.
//
// The order of additions, all of them in float64, depends on the size of a frame alone: a part is
// 16,384 neighbours, thread t of 256 adds the squares of the groups of four number t, t + 256, ...
// one by one, and threads are added in halves, t and t + 128 first. Parts are joined the same way:
// thread t adds parts t, t + 256, ...
#pragma once

#include "kernels/cuda/launches.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

constexpr int kSquareGroup = 4;  // values that a thread reads at once
constexpr uint32_t kBlockSumBytes = 8 * kBlockThreads;

/// The sum over the block, in thread 0. Low and high words stand apart: no bank is asked twice.
NF_DEVICE double block_sum(double value) {
  const auto own = static_cast<int>(ptx::tid());
  const auto low = [](int thread) {
    return ptx::dynamic_shared() + static_cast<ptx::Shared>(4 * thread);
  };
  const auto high = [&](int thread) { return low(thread + kBlockThreads); };
  const auto put = [&] {
    const auto bits = bits_as<uint64_t>(value);
    ptx::st_shared(low(own), static_cast<uint32_t>(bits));
    ptx::st_shared(high(own), static_cast<uint32_t>(bits >> 32));
  };
  ptx::bar_sync();  // what was here has been read
  put();
  for (int half = kBlockThreads / 2; half > 0; half /= 2) {
    ptx::bar_sync();
    if (own >= half) continue;
    const int other = own + half;
    value +=
        bits_as<double>(uint64_t{ptx::ld_shared(high(other))} << 32 | ptx::ld_shared(low(other)));
    put();
  }
  return value;
}

/// parts[frame][part] = the sum of (a - b)^2, or of a^2 without b.
template <bool kWhole, bool kHasB>
struct SquareParts {
  static constexpr uint32_t kSharedBytes = kBlockSumBytes;
  const float *a, *b;
  int64_t frames, size;
  double* parts;

  int64_t blocks() const { return frames * cuda::parts_of(size); }

  NF_DEVICE void read(float (&to)[kSquareGroup], int64_t at, int64_t left) const {
    if (kWhole && left < kSquareGroup) {
      load_some<false>(to, a + at, left);  // the end of a buffer
    } else {
      load_some<kWhole>(to, a + at, left);
    }
    if constexpr (kHasB) {
      float other[kSquareGroup];
      load_some<kWhole>(other, b + at, left);
      NF_UNROLL for (int j = 0; j < kSquareGroup; ++j) to[j] -= other[j];
    }
  }

  NF_DEVICE void operator()() const {
    constexpr int kStep = kBlockThreads * kSquareGroup, kAhead = 4;
    const int64_t parts_a_frame = cuda::parts_of(size), total = frames * parts_a_frame;
    for (int64_t number = ptx::ctaid(); number < total; number += ptx::nctaid()) {
      const int64_t frame = number / parts_a_frame, part = number % parts_a_frame;
      const int64_t first = part * cuda::kSquaresAPart;
      const int64_t end = first + cuda::kSquaresAPart < size ? first + cuda::kSquaresAPart : size;
      double sum = 0;
      for (int64_t i = first + int64_t{ptx::tid()} * kSquareGroup; i < end; i += kAhead * kStep) {
        float values[kAhead][kSquareGroup] = {};
        NF_UNROLL for (int g = 0; g < kAhead; ++g) {
          const int64_t place = i + g * kStep;
          if (place < end) read(values[g], frame * size + place, end - place);
        }
        NF_UNROLL for (int g = 0; g < kAhead; ++g) {
          NF_UNROLL for (int j = 0; j < kSquareGroup; ++j) {
            sum += static_cast<double>(values[g][j]) * static_cast<double>(values[g][j]);
          }
        }
      }
      sum = block_sum(sum);
      if (ptx::tid() == 0) memory::store(parts + number, bits_as<memory::Word2>(sum));
    }
  }
};

/// result[frame] = the sum of its parts.
template <class Result>
struct JoinParts {
  static constexpr uint32_t kSharedBytes = kBlockSumBytes;
  const double* parts;
  int64_t frames, parts_a_frame;
  Result* result;

  int64_t blocks() const { return frames; }

  NF_DEVICE void operator()() const {
    for (int64_t frame = ptx::ctaid(); frame < frames; frame += ptx::nctaid()) {
      double sum = 0;
      for (int64_t part = ptx::tid(); part < parts_a_frame; part += kBlockThreads) {
        sum += bits_as<double>(memory::load<memory::Word2>(parts + frame * parts_a_frame + part));
      }
      sum = block_sum(sum);
      if (ptx::tid() != 0) continue;
      using Word = typename memory::WordOf<sizeof(Result)>::Word;
      memory::store(result + frame, bits_as<Word>(static_cast<Result>(sum)));
    }
  }
};

template <int kCount>
struct SquaredErrorBackward {
  static constexpr uint32_t kSharedBytes = 0;
  const float *a, *b, *grad;
  int64_t frames, size;
  float* grad_a;

  int64_t blocks() const { return blocks_for(frames * (size / kCount), kBlockThreads); }

  NF_DEVICE void operator()() const {
    for (Walk at(size / kCount); at.row < frames; at.step()) {
      const int64_t place = at.row * size + at.column * kCount;
      float difference[kCount], other[kCount];
      load_whole(difference, a + place);
      load_whole(other, b + place);
      const float slope = 2 * load_one(grad + at.row);
      NF_UNROLL for (int j = 0; j < kCount; ++j) {
        difference[j] = (difference[j] - other[j]) * slope;
      }
      store_whole(grad_a + place, difference);
    }
  }
};

template <class Start>
void start_squared_error(const float* a, const float* b, int64_t frames, int64_t size,
                         double* parts, float* result, const Start& start) {
  if (size % kSquareGroup == 0 && are_aligned(a, b)) {
    start(SquareParts<true, true>{a, b, frames, size, parts});
  } else {
    start(SquareParts<false, true>{a, b, frames, size, parts});
  }
  start(JoinParts<float>{parts, frames, cuda::parts_of(size), result});
}

template <class Start>
void start_squared_error_backward(const float* a, const float* b, const float* grad, int64_t frames,
                                  int64_t size, float* grad_a, const Start& start) {
  if (size == 0) return;
  if (size % 4 == 0 && are_aligned(a, b, grad_a))
    return start(SquaredErrorBackward<4>{a, b, grad, frames, size, grad_a});
  start(SquaredErrorBackward<1>{a, b, grad, frames, size, grad_a});
}

template <class Start>
void start_squared_norm(const float* x, int64_t count, double* parts, double* result,
                        const Start& start) {
  if (are_aligned(x)) {
    start(SquareParts<true, false>{x, nullptr, 1, count, parts});
  } else {
    start(SquareParts<false, false>{x, nullptr, 1, count, parts});
  }
  start(JoinParts<double>{parts, 1, cuda::parts_of(count), result});
}

}  // namespace
}  // namespace nextframe
