// SwiGLU, forward and backward (kernels/linear.h).
//
// Memory bound. A thread has 16 bytes of each half of a row. Bytes an element of the result,
// bfloat16 (float32): forward 6 (12), backward 10 (20). Fraction of a copy's bandwidth: not
// measured.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

NF_DEVICE float sigmoid(float x, float /*of a result in float32*/) {
  return 1.0f / (1.0f + expf(-x));
}
NF_DEVICE float sigmoid(float x, Bf16Value /*of a result in bfloat16*/) {
  return ptx::rcp(1.0f + ptx::ex2(x * -1.44269504f));
}

template <class T, int kCount>
struct Swiglu {
  static constexpr uint32_t kSharedBytes = 0;
  cpu::RowsCall call;
  const T* x;
  T* result;

  int64_t blocks() const { return blocks_for(call.rows * (call.width / kCount), kBlockThreads); }

  NF_DEVICE void operator()() const {
    for (Walk at(call.width / kCount); at.row < call.rows; at.step()) {
      const T* const gate = x + at.row * 2 * call.width + at.column * kCount;
      float a[kCount], b[kCount];
      load_whole(a, gate);
      load_whole(b, gate + call.width);
      NF_UNROLL for (int j = 0; j < kCount; ++j) a[j] = a[j] * sigmoid(a[j], T()) * b[j];
      store_whole(result + at.row * call.width + at.column * kCount, a);
    }
  }
};

/// With s = sigmoid(a): d/da = b (s + a s (1 - s)), d/db = a s.
template <class T, int kCount>
struct SwigluBackward {
  static constexpr uint32_t kSharedBytes = 0;
  cpu::RowsCall call;
  const T *x, *grad;
  T* grad_x;

  int64_t blocks() const { return blocks_for(call.rows * (call.width / kCount), kBlockThreads); }

  NF_DEVICE void operator()() const {
    for (Walk at(call.width / kCount); at.row < call.rows; at.step()) {
      const int64_t column = at.column * kCount, gate = at.row * 2 * call.width + column;
      float a[kCount], b[kCount], g[kCount];
      load_whole(a, x + gate);
      load_whole(b, x + gate + call.width);
      load_whole(g, grad + at.row * call.width + column);
      NF_UNROLL for (int j = 0; j < kCount; ++j) {
        const float s = sigmoid(a[j], T()), silu = a[j] * s;
        a[j] = g[j] * b[j] * (silu * (1.0f - s) + s);
        b[j] = g[j] * silu;
      }
      store_whole(grad_x + gate, a);
      store_whole(grad_x + gate + call.width, b);
    }
  }
};

template <class T, class Start>
void swiglu_of(const cpu::RowsCall& call, const T* x, T* result, const Start& start) {
  constexpr int kCount = 16 / sizeof(T);
  if (call.width % kCount == 0 && are_aligned(x, result))
    return start(Swiglu<T, kCount>{call, x, result});
  start(Swiglu<T, 1>{call, x, result});
}

template <class T, class Start>
void swiglu_backward_of(const cpu::RowsCall& call, const T* x, const T* grad, T* grad_x,
                        const Start& start) {
  constexpr int kCount = 16 / sizeof(T);
  if (call.width % kCount == 0 && are_aligned(x, grad, grad_x))
    return start(SwigluBackward<T, kCount>{call, x, grad, grad_x});
  start(SwigluBackward<T, 1>{call, x, grad, grad_x});
}

template <class Start>
void start_swiglu(const cpu::RowsCall& call, const void* x, void* result, const Start& start) {
  if (call.is_bf16) {
    return swiglu_of(call, static_cast<const Bf16Value*>(x), static_cast<Bf16Value*>(result),
                     start);
  }
  swiglu_of(call, static_cast<const float*>(x), static_cast<float*>(result), start);
}

template <class Start>
void start_swiglu_backward(const cpu::RowsCall& call, const void* x, const void* grad, void* grad_x,
                           const Start& start) {
  if (call.is_bf16) {
    return swiglu_backward_of(call, static_cast<const Bf16Value*>(x),
                              static_cast<const Bf16Value*>(grad), static_cast<Bf16Value*>(grad_x),
                              start);
  }
  swiglu_backward_of(call, static_cast<const float*>(x), static_cast<const float*>(grad),
                     static_cast<float*>(grad_x), start);
}

}  // namespace
}  // namespace nextframe
