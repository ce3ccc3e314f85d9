// RMSNorm and SwiGLU over rows of values. Bound by memory, or nearly so: each value is read once
// and written once while it is in cache. Private to each source file, see registers.h.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cpu/registers.h"

namespace nextframe::cpu {
namespace {

/// The first `count` values of a register, all if there are more; the others are 0.
template <class T>
NF_INLINE Floats load_partial(const T* from, int64_t count) {
  if (count >= kLanes) return load_values(from);
  T some[kLanes] = {};
  std::memcpy(some, from, static_cast<size_t>(count) * sizeof(T));
  return load_values(some);
}
template <class T>
NF_INLINE void store_partial(T* to, Floats value, int64_t count) {
  if (count >= kLanes) return store_values(to, value);
  T some[kLanes];
  store_values(some, value);
  std::memcpy(to, some, static_cast<size_t>(count) * sizeof(T));
}

// ---- The norm

template <class T>
void add_norm_of(const RowsCall& call, const float* x, const T* update, float* sum_out, T* norm) {
  const int64_t width = call.width;
  for (int64_t row = 0; row < call.rows; ++row) {
    const int64_t at = row * width;
    Floats squares{};
    for (int64_t i = 0; i < width; i += kLanes) {
      Floats value = load_partial(x + at + i, width - i);
      if (update != nullptr) {
        value += load_partial(update + at + i, width - i);
        store_partial(sum_out + at + i, value, width - i);
      }
      squares = multiply_add(value, value, squares);
    }
    if (norm == nullptr) continue;
    const float scale =
        1.0f / __builtin_sqrtf(sum(squares) / static_cast<float>(width) + call.epsilon);
    const float* from = update != nullptr ? sum_out : x;
    for (int64_t i = 0; i < width; i += kLanes) {
      store_partial(norm + at + i, load_partial(from + at + i, width - i) * scale, width - i);
    }
  }
}

/// d/dx of y = x s, s = 1 / sqrt(mean(x^2) + epsilon): s (g - y mean(g y)).
template <class T>
void add_norm_backward_of(const RowsCall& call, const float* x, const float* grad_sum,
                          const T* grad_norm, float* grad_x, T* grad_update) {
  const int64_t width = call.width;
  for (int64_t row = 0; row < call.rows; ++row) {
    const int64_t at = row * width;
    Floats squares{}, products{};
    for (int64_t i = 0; i < width; i += kLanes) {
      const Floats value = load_partial(x + at + i, width - i);
      squares = multiply_add(value, value, squares);
      products = multiply_add(value, load_partial(grad_norm + at + i, width - i), products);
    }
    const float scale =
        1.0f / __builtin_sqrtf(sum(squares) / static_cast<float>(width) + call.epsilon);
    const float pull = scale * scale * scale * (sum(products) / static_cast<float>(width));
    for (int64_t i = 0; i < width; i += kLanes) {
      const int64_t left = width - i;
      Floats grad = load_partial(grad_norm + at + i, left) * scale;
      grad = multiply_add(load_partial(x + at + i, left), all(-pull), grad);
      if (grad_sum != nullptr) grad += load_partial(grad_sum + at + i, left);
      store_partial(grad_x + at + i, grad, left);
      if (grad_update != nullptr) store_partial(grad_update + at + i, grad, left);
    }
  }
}

// ---- The gate

template <class T>
NF_INLINE Floats sigmoid(Floats x) {
  constexpr Digits kDigits = sizeof(T) == 2 ? Digits::kBf16 : Digits::kAll;
  const Floats e = exp_of_negative<kDigits>((Floats)((Words)x | 0x80000000u));  // of -|x|
  return select(x < 0.0f, e, all(1.0f)) * inverse<kDigits>(e + 1.0f);
}

template <class T>
void swiglu_of(const RowsCall& call, const T* x, T* result) {
  const int64_t width = call.width;
  for (int64_t row = 0; row < call.rows; ++row) {
    const T *gate = x + row * 2 * width, *value = gate + width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const Floats a = load_partial(gate + i, width - i), b = load_partial(value + i, width - i);
      store_partial(result + row * width + i, a * sigmoid<T>(a) * b, width - i);
    }
  }
}

/// With s = sigmoid(a): d/da = b (s + a s (1 - s)), d/db = a s. Also the result once more, unless
/// null.
template <class T, class G>
void swiglu_backward_of(const RowsCall& call, const T* x, const G* grad, T* grad_x, T* result) {
  const int64_t width = call.width;
  for (int64_t row = 0; row < call.rows; ++row) {
    const int64_t gate = row * 2 * width, value = gate + width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const int64_t left = width - i;
      const Floats a = load_partial(x + gate + i, left), b = load_partial(x + value + i, left);
      const Floats g = load_partial(grad + row * width + i, left), s = sigmoid<T>(a), silu = a * s;
      store_partial(grad_x + gate + i, g * b * multiply_add(silu, 1.0f - s, s), left);
      store_partial(grad_x + value + i, g * silu, left);
      if (result != nullptr) store_partial(result + row * width + i, silu * b, left);
    }
  }
}

// ---- As the seam wants them

void add_norm(const RowsCall& call, const float* x, const void* update, float* sum_out,
              void* norm) {
  call.is_bf16
      ? add_norm_of(call, x, static_cast<const Bf16*>(update), sum_out, static_cast<Bf16*>(norm))
      : add_norm_of(call, x, static_cast<const float*>(update), sum_out, static_cast<float*>(norm));
}
void add_norm_backward(const RowsCall& call, const float* x, const float* grad_sum,
                       const void* grad_norm, float* grad_x, void* grad_update) {
  call.is_bf16 ? add_norm_backward_of(call, x, grad_sum, static_cast<const Bf16*>(grad_norm),
                                      grad_x, static_cast<Bf16*>(grad_update))
               : add_norm_backward_of(call, x, grad_sum, static_cast<const float*>(grad_norm),
                                      grad_x, static_cast<float*>(grad_update));
}
void swiglu(const RowsCall& call, const void* x, void* result) {
  call.is_bf16 ? swiglu_of(call, static_cast<const Bf16*>(x), static_cast<Bf16*>(result))
               : swiglu_of(call, static_cast<const float*>(x), static_cast<float*>(result));
}
void swiglu_backward(const RowsCall& call, const void* x, const void* grad, void* grad_x) {
  if (call.is_bf16) {
    swiglu_backward_of<Bf16, Bf16>(call, static_cast<const Bf16*>(x),
                                   static_cast<const Bf16*>(grad), static_cast<Bf16*>(grad_x),
                                   nullptr);
  } else {
    swiglu_backward_of<float, float>(call, static_cast<const float*>(x),
                                     static_cast<const float*>(grad), static_cast<float*>(grad_x),
                                     nullptr);
  }
}

}  // namespace
}  // namespace nextframe::cpu
