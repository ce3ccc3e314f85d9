// RMSNorm of the float32 residual stream, forward and backward (kernels/norm.h).
//
// Memory bound. A warp or a block has a row; what it has read of the row stays in registers between
// the sum and the result. Bytes an element, with a bfloat16 norm (float32): x + update and its norm
// 12 (16), the norm alone 6 (8), x + update alone 10 (12); backward with both gradients 16 (20).
// Fraction of a copy's bandwidth: not measured.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

constexpr int kGroup = 4;  // values that a thread reads at once

/// kHeld groups of a row stay in a thread's registers, groups beyond are read twice.
template <bool kWholeGroups, int kTeamSize, int kHeldGroups>
struct RowShape {
  using OfTeam = Team<kTeamSize>;
  static constexpr bool kWhole = kWholeGroups;
  static constexpr int kHeld = kHeldGroups, kStep = kTeamSize * kGroup;
};

/// start(shape) with the one for the width. It and nothing else decides on the order of a sum.
template <class Start>
void with_row_shape(int64_t width, bool aligned, const Start& start) {
  const bool whole = aligned && width % kGroup == 0;
  if (width <= 256) return whole ? start(RowShape<true, 32, 2>()) : start(RowShape<false, 32, 2>());
  if (width <= 1024)
    return whole ? start(RowShape<true, 32, 8>()) : start(RowShape<false, 32, 8>());
  whole ? start(RowShape<true, 256, 4>()) : start(RowShape<false, 256, 4>());
}

NF_DEVICE float norm_scale(const cpu::RowsCall& call, float squares) {
  return 1.0f / sqrtf(squares / static_cast<float>(call.width) + call.epsilon);
}

template <class T, class Shape>
struct AddNorm {
  using Team = typename Shape::OfTeam;
  static constexpr uint32_t kSharedBytes = Team::kSharedBytes;

  cpu::RowsCall call;
  const float* x;
  const T* update;  // or null
  float* sum;
  T* norm;

  int64_t blocks() const { return blocks_for(call.rows, Team::kTeams); }

  NF_DEVICE void read_sum(float (&to)[kGroup], int64_t at, int64_t left) const {
    load_some<Shape::kWhole>(to, x + at, left);
    if (update == nullptr) return;
    float more[kGroup];
    load_some<Shape::kWhole>(more, update + at, left);
    NF_UNROLL for (int j = 0; j < kGroup; ++j) to[j] += more[j];
  }
  NF_DEVICE void write_norm(float (&value)[kGroup], float scale, int64_t at, int64_t left) const {
    NF_UNROLL for (int j = 0; j < kGroup; ++j) value[j] *= scale;
    store_some<Shape::kWhole>(norm + at, value, left);
  }

  NF_DEVICE void operator()() const {
    const int64_t own = int64_t{Team::rank()} * kGroup, width = call.width;
    for (int64_t row = Team::first_row(); row < call.rows; row += Team::row_stride()) {
      const int64_t at = row * width;
      float held[Shape::kHeld][kGroup] = {}, squares[1] = {};
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) {
        const int64_t i = own + g * Shape::kStep;
        if (i < width) read_sum(held[g], at + i, width - i);
      }
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) {
        const int64_t i = own + g * Shape::kStep;
        NF_UNROLL for (int j = 0; j < kGroup; ++j) squares[0] += held[g][j] * held[g][j];
        if (i < width && update != nullptr)
          store_some<Shape::kWhole>(sum + at + i, held[g], width - i);
      }
      NF_ROLLED for (int64_t i = own + Shape::kHeld * Shape::kStep; i < width; i += Shape::kStep) {
        float value[kGroup];
        read_sum(value, at + i, width - i);
        NF_UNROLL for (int j = 0; j < kGroup; ++j) squares[0] += value[j] * value[j];
        if (update != nullptr) store_some<Shape::kWhole>(sum + at + i, value, width - i);
      }
      Team::all_sum(squares);
      const float scale = norm_scale(call, squares[0]);
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) {
        const int64_t i = own + g * Shape::kStep;
        if (i < width) write_norm(held[g], scale, at + i, width - i);
      }
      NF_ROLLED for (int64_t i = own + Shape::kHeld * Shape::kStep; i < width; i += Shape::kStep) {
        float value[kGroup];
        read_sum(value, at + i, width - i);
        write_norm(value, scale, at + i, width - i);
      }
    }
  }
};

/// d/dx of y = x s, s = 1 / sqrt(mean(x^2) + epsilon): s (g - y mean(g y)).
template <class T, class Shape>
struct AddNormBackward {
  using Team = typename Shape::OfTeam;
  static constexpr uint32_t kSharedBytes = Team::kSharedBytes;

  cpu::RowsCall call;
  const float* x;
  const float* grad_sum;  // or null
  const T* grad_norm;
  float* grad_x;
  T* grad_update;  // or null

  int64_t blocks() const { return blocks_for(call.rows, Team::kTeams); }

  struct Group {
    float x[kGroup], grad[kGroup];
  };
  NF_DEVICE void read(Group& group, int64_t at, int64_t left) const {
    load_some<Shape::kWhole>(group.x, x + at, left);
    load_some<Shape::kWhole>(group.grad, grad_norm + at, left);
  }
  static NF_DEVICE void add(const Group& group, float (&sums)[2]) {
    NF_UNROLL for (int j = 0; j < kGroup; ++j) {
      sums[0] += group.x[j] * group.x[j];
      sums[1] += group.x[j] * group.grad[j];
    }
  }
  /// The gradient takes the place of grad.
  NF_DEVICE void carry(Group& group, float scale, float pull, int64_t at, int64_t left) const {
    float beside[kGroup] = {};
    if (grad_sum != nullptr) load_some<Shape::kWhole>(beside, grad_sum + at, left);
    NF_UNROLL for (int j = 0; j < kGroup; ++j) {
      group.grad[j] = group.grad[j] * scale - group.x[j] * pull + beside[j];
    }
  }
  NF_DEVICE void write(const Group& group, int64_t at, int64_t left) const {
    store_some<Shape::kWhole>(grad_x + at, group.grad, left);
    if (grad_update != nullptr) store_some<Shape::kWhole>(grad_update + at, group.grad, left);
  }

  NF_DEVICE void operator()() const {
    const int64_t own = int64_t{Team::rank()} * kGroup, width = call.width;
    for (int64_t row = Team::first_row(); row < call.rows; row += Team::row_stride()) {
      const int64_t at = row * width;
      Group held[Shape::kHeld] = {};
      float sums[2] = {};
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) {
        const int64_t i = own + g * Shape::kStep;
        if (i < width) read(held[g], at + i, width - i);
      }
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) add(held[g], sums);
      NF_ROLLED for (int64_t i = own + Shape::kHeld * Shape::kStep; i < width; i += Shape::kStep) {
        Group group;
        read(group, at + i, width - i);
        add(group, sums);
      }
      Team::all_sum(sums);
      const float scale = norm_scale(call, sums[0]);
      const float pull = scale * scale * scale * (sums[1] / static_cast<float>(width));
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) {
        const int64_t i = own + g * Shape::kStep;
        if (i < width) carry(held[g], scale, pull, at + i, width - i);
      }
      NF_UNROLL for (int g = 0; g < Shape::kHeld; ++g) {
        const int64_t i = own + g * Shape::kStep;
        if (i < width) write(held[g], at + i, width - i);
      }
      NF_ROLLED for (int64_t i = own + Shape::kHeld * Shape::kStep; i < width; i += Shape::kStep) {
        Group group;
        read(group, at + i, width - i);
        carry(group, scale, pull, at + i, width - i);
        write(group, at + i, width - i);
      }
    }
  }
};

/// sum = x + update.
template <class T, bool kWhole>
struct Add {
  static constexpr uint32_t kSharedBytes = 0;
  int64_t count;
  const float* x;
  const T* update;
  float* sum;

  int64_t blocks() const { return blocks_for(count, kBlockThreads * kGroup); }

  NF_DEVICE void operator()() const {
    const int64_t stride = int64_t{ptx::nctaid()} * kBlockThreads * kGroup;
    int64_t i = (int64_t{ptx::ctaid()} * kBlockThreads + ptx::tid()) * kGroup;
    for (; i < count; i += stride) {
      float value[kGroup], more[kGroup];
      load_some<kWhole>(value, x + i, count - i);
      load_some<kWhole>(more, update + i, count - i);
      NF_UNROLL for (int j = 0; j < kGroup; ++j) value[j] += more[j];
      store_some<kWhole>(sum + i, value, count - i);
    }
  }
};

// ---- start(body) with the body that a call wants

template <class T, class Start>
void add_norm_of(const cpu::RowsCall& call, const float* x, const T* update, float* sum, T* norm,
                 const Start& start) {
  const bool aligned = are_aligned(x, update, sum, norm);
  if (norm == nullptr) {
    const int64_t count = call.rows * call.width;
    if (aligned && count % kGroup == 0) return start(Add<T, true>{count, x, update, sum});
    return start(Add<T, false>{count, x, update, sum});
  }
  with_row_shape(call.width, aligned, [&](auto shape) {
    start(AddNorm<T, decltype(shape)>{call, x, update, sum, norm});
  });
}

template <class T, class Start>
void add_norm_backward_of(const cpu::RowsCall& call, const float* x, const float* grad_sum,
                          const T* grad_norm, float* grad_x, T* grad_update, const Start& start) {
  const bool aligned = are_aligned(x, grad_sum, grad_norm, grad_x, grad_update);
  with_row_shape(call.width, aligned, [&](auto shape) {
    start(AddNormBackward<T, decltype(shape)>{call, x, grad_sum, grad_norm, grad_x, grad_update});
  });
}

template <class Start>
void start_add_norm(const cpu::RowsCall& call, const float* x, const void* update, float* sum,
                    void* norm, const Start& start) {
  if (call.is_bf16) {
    return add_norm_of(call, x, static_cast<const Bf16Value*>(update), sum,
                       static_cast<Bf16Value*>(norm), start);
  }
  add_norm_of(call, x, static_cast<const float*>(update), sum, static_cast<float*>(norm), start);
}

template <class Start>
void start_add_norm_backward(const cpu::RowsCall& call, const float* x, const float* grad_sum,
                             const void* grad_norm, float* grad_x, void* grad_update,
                             const Start& start) {
  if (call.is_bf16) {
    return add_norm_backward_of(call, x, grad_sum, static_cast<const Bf16Value*>(grad_norm), grad_x,
                                static_cast<Bf16Value*>(grad_update), start);
  }
  add_norm_backward_of(call, x, grad_sum, static_cast<const float*>(grad_norm), grad_x,
                       static_cast<float*>(grad_update), start);
}

}  // namespace
}  // namespace nextframe
