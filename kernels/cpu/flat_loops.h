// AdamW, norms, squared error and cross-entropy over flat buffers and frames. Bound by memory: each
// value is read once and written once. Private to each source file, see registers.h.
#pragma once

#include "kernels/cpu/patch_loops.h"

namespace nextframe::cpu {
namespace {

NF_INLINE Floats square_root(Floats x) {
#if defined(__AVX512F__)
  return (Floats)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
  return (Floats)_mm256_sqrt_ps((__m256)x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

void scale_bytes(const uint8_t* bytes, int64_t count, float* pixels) {
  for (int64_t i = 0; i < count; i += kLanes)
    store_partial(pixels + i, load_pixels(bytes + i, count - i), count - i);
}

/// No multiplication joins an addition here, so that every machine and every place in the buffer
/// gives the same bits.
void adamw(const AdamWCall& c, int64_t first, int64_t last) {
  const AdamWNumbers n = *c.numbers;
  if (n.is_bad != 0) return;
  const float shrink = c.shrinks ? n.shrink : 1.0f;
  for (int64_t i = first; i < last; i += kLanes) {
    const int64_t left = last - i;
    const Floats g = load_partial(c.gradient + i, left) * n.gradient_scale;
    const Floats m = c.beta1 * load_partial(c.moment1 + i, left) + c.one_minus_beta1 * g;
    const Floats v = c.beta2 * load_partial(c.moment2 + i, left) + c.one_minus_beta2 * (g * g);
    const Floats scale = square_root(v) * n.inverse_root_correction2 + c.epsilon;
    const Floats value = shrink * load_partial(c.value + i, left) - n.step_size * (m / scale);
    store_partial(c.moment1 + i, m, left);
    store_partial(c.moment2 + i, v, left);
    store_partial(c.value + i, value, left);
    if (c.average == nullptr) continue;
    const Floats average =
        n.ema_decay * load_partial(c.average + i, left) + n.one_minus_ema * value;
    store_partial(c.average + i, average, left);
  }
}

/// Element i goes to sum i mod 8, whatever the machine; float64.
double squared_norm(const float* x, int64_t count) {
  using Eight = double __attribute__((vector_size(64)));
  using EightFloats = float __attribute__((vector_size(32)));
  Eight sums{};
  const auto add = [&sums](const float* eight) NF_LAMBDA_INLINE {
    const Eight value = __builtin_convertvector(load<EightFloats>(eight), Eight);
    sums += value * value;
  };
  const int64_t whole = count / 8 * 8;
  for (int64_t i = 0; i < whole; i += 8) add(x + i);
  float rest[8] = {};
  if (whole < count) {  // of nothing, x may be null
    std::memcpy(rest, x + whole, static_cast<size_t>(count - whole) * sizeof(float));
    add(rest);
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// Sums of 1,024 squares in float32, their total in float64.
void squared_error(const float* a, const float* b, int64_t frames, int64_t size, float* result) {
  constexpr int64_t kPart = 1024;
  for (int64_t f = 0; f < frames; ++f) {
    double total = 0;
    for (int64_t first = 0; first < size; first += kPart) {
      const int64_t last = first + kPart < size ? first + kPart : size;
      Floats squares{};
      for (int64_t i = first; i < last; i += kLanes) {
        const int64_t at = f * size + i;
        const Floats difference = load_partial(a + at, last - i) - load_partial(b + at, last - i);
        squares = multiply_add(difference, difference, squares);
      }
      total += static_cast<double>(sum(squares));
    }
    result[f] = static_cast<float>(total);
  }
}

void squared_error_backward(const float* a, const float* b, const float* grad, int64_t frames,
                            int64_t size, float* grad_a) {
  for (int64_t f = 0; f < frames; ++f) {
    const float slope = 2 * grad[f];
    for (int64_t i = 0; i < size; i += kLanes) {
      const int64_t at = f * size + i, left = size - i;
      const Floats difference = load_partial(a + at, left) - load_partial(b + at, left);
      store_partial(grad_a + at, difference * slope, left);
    }
  }
}

// ---- Cross-entropy of rows of logits

template <class T>
void cross_entropy_of(const RowsCall& call, const T* logits, const int64_t* targets, float* losses,
                      float* log_sums) {
  for (int64_t row = 0; row < call.rows; ++row) {
    const T* const from = logits + row * call.width;
    Floats largest_of_lanes = all(-3e38f), total{};
    for (int64_t i = 0; i < call.width; i += kLanes) {
      Floats value = load_partial(from + i, call.width - i);
      for (int64_t j = call.width - i; j < kLanes; ++j) value[j] = -3e38f;
      largest_of_lanes = larger(value, largest_of_lanes);
    }
    float largest = largest_of_lanes[0];
    for (int j = 1; j < kLanes; ++j)
      largest = largest_of_lanes[j] > largest ? largest_of_lanes[j] : largest;
    for (int64_t i = 0; i < call.width; i += kLanes) {
      Floats value = load_partial(from + i, call.width - i) - largest;
      for (int64_t j = call.width - i; j < kLanes; ++j) value[j] = -3e38f;
      total += exp_of_negative(value);
    }
    log_sums[row] = largest + __builtin_logf(sum(total));
    T target[kLanes] = {from[targets[row]]};
    losses[row] = log_sums[row] - load_values(target)[0];
  }
}

/// grad (softmax - 1 at the target); the softmax is computed once more.
template <class T>
void cross_entropy_backward_of(const RowsCall& call, const T* logits, const int64_t* targets,
                               const float* log_sums, const float* grad, T* grad_logits) {
  for (int64_t row = 0; row < call.rows; ++row) {
    const int64_t at = row * call.width;
    for (int64_t i = 0; i < call.width; i += kLanes) {
      const int64_t left = call.width - i;
      Floats share = exp_of_negative(load_partial(logits + at + i, left) - log_sums[row]);
      const int64_t target = targets[row] - i;
      if (target >= 0 && target < kLanes) share[target] -= 1.0f;
      store_partial(grad_logits + at + i, share * grad[row], left);
    }
  }
}

void cross_entropy(const RowsCall& call, const void* logits, const int64_t* targets, float* losses,
                   float* log_sums) {
  call.is_bf16
      ? cross_entropy_of(call, static_cast<const Bf16*>(logits), targets, losses, log_sums)
      : cross_entropy_of(call, static_cast<const float*>(logits), targets, losses, log_sums);
}
void cross_entropy_backward(const RowsCall& call, const void* logits, const int64_t* targets,
                            const float* log_sums, const float* grad, void* grad_logits) {
  call.is_bf16 ? cross_entropy_backward_of(call, static_cast<const Bf16*>(logits), targets,
                                           log_sums, grad, static_cast<Bf16*>(grad_logits))
               : cross_entropy_backward_of(call, static_cast<const float*>(logits), targets,
                                           log_sums, grad, static_cast<float*>(grad_logits));
}

}  // namespace
}  // namespace nextframe::cpu
