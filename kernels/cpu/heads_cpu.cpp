// Memory bound: reads and writes each of the 3D values of a token once, a head's row at a time.
#include "kernels/cpu/heads_cpu.h"

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/norm.h"

namespace nextframe::cpu {
namespace {

struct Layout {
  int64_t B, T, N, K, F;
  Along along;
  const float* cosine;
  const float* sine;

  int64_t tokens() const { return B * T * N; }

  /// Where token (b, t, n) of head 0 stands: its row in [S, L], and how far the next head is.
  struct Place {
    int64_t position, row, rows_a_head;
  };
  NF_INLINE Place place(int64_t token) const {
    const int64_t n = token % N, t = token / N % T, b = token / (N * T);
    return along == Along::space ? Place{n, (b * T + t) * K * N + n, N}
                                 : Place{t, (b * N + n) * K * T + t, T};
  }
};

template <class T>
NF_INLINE float inverse_size(const T* x, int64_t width) {
  Lanes squares{};
  for (int64_t i = 0; i < width; i += kLanes) {
    const Lanes value = load(x + i, width - i);
    squares += value * value;
  }
  const float mean = sum(squares) / static_cast<float>(width);
  return 1.0f / std::sqrt(mean + static_cast<float>(kNormEpsilon));
}

template <class T>
NF_INLINE void normalise_and_turn(const Layout& s, int64_t position, const T* from, T* to) {
  const int64_t pairs = s.F / 2;
  const float scale = inverse_size(from, s.F);
  for (int64_t i = 0; i < pairs; i += kLanes) {
    const int64_t left = pairs - i;
    const Lanes a = load(from + i, left) * scale, b = load(from + pairs + i, left) * scale;
    const Lanes c = load(s.cosine + position * pairs + i, left);
    const Lanes d = load(s.sine + position * pairs + i, left);
    store(to + i, a * c - b * d, left);
    store(to + pairs + i, b * c + a * d, left);
  }
}

template <class T>
NF_INLINE void copy_row(int64_t width, const T* from, T* to) {
  std::memcpy(static_cast<void*>(to), from, static_cast<size_t>(width) * sizeof(T));
}

template <class T>
NF_INLINE void forward_tokens(const Layout& s, const T* from, T* query, T* key, T* value) {
  for (int64_t token = 0; token < s.tokens(); ++token) {
    const auto [position, row, rows_a_head] = s.place(token);
    for (int64_t k = 0; k < s.K; ++k) {
      const int64_t to = (row + k * rows_a_head) * s.F;
      const T* packed = from + (token * 3 * s.K + k) * s.F;
      normalise_and_turn(s, position, packed, query + to);
      normalise_and_turn(s, position, packed + s.K * s.F, key + to);
      copy_row(s.F, packed + 2 * s.K * s.F, value + to);
    }
  }
}

template <class T>
NF_INLINE void turned_back(const Layout& s, int64_t position, const T* grad, int64_t i,
                           Lanes& first, Lanes& second) {
  const int64_t pairs = s.F / 2, left = pairs - i;
  const Lanes a = load(grad + i, left), b = load(grad + pairs + i, left);
  const Lanes c = load(s.cosine + position * pairs + i, left);
  const Lanes d = load(s.sine + position * pairs + i, left);
  first = a * c + b * d;
  second = b * c - a * d;
}

/// Turns the gradient back, then goes through the norm: scale g - x scale^3 mean(g x).
template <class T>
NF_INLINE void backward_row(const Layout& s, int64_t position, const T* x, const T* grad,
                            T* grad_x) {
  const int64_t pairs = s.F / 2;
  const float scale = inverse_size(x, s.F);
  Lanes products{}, first, second;
  for (int64_t i = 0; i < pairs; i += kLanes) {
    turned_back(s, position, grad, i, first, second);
    products += first * load(x + i, pairs - i) + second * load(x + pairs + i, pairs - i);
  }
  const float pull = scale * scale * scale * (sum(products) / static_cast<float>(s.F));
  for (int64_t i = 0; i < pairs; i += kLanes) {
    const int64_t left = pairs - i;
    turned_back(s, position, grad, i, first, second);
    store(grad_x + i, first * scale - load(x + i, left) * pull, left);
    store(grad_x + pairs + i, second * scale - load(x + pairs + i, left) * pull, left);
  }
}

template <class T>
NF_INLINE void backward_tokens(const Layout& s, const T* from, const T* query, const T* key,
                               const T* value, T* result) {
  for (int64_t token = 0; token < s.tokens(); ++token) {
    const auto [position, row, rows_a_head] = s.place(token);
    for (int64_t k = 0; k < s.K; ++k) {
      const int64_t to = (row + k * rows_a_head) * s.F;
      const int64_t packed = (token * 3 * s.K + k) * s.F, part = s.K * s.F;
      backward_row(s, position, from + packed, query + to, result + packed);
      backward_row(s, position, from + packed + part, key + to, result + packed + part);
      copy_row(s.F, value + to, result + packed + 2 * part);
    }
  }
}

using Half = c10::BFloat16;
NF_ANY_CPU void forward(const Layout& s, const float* from, float* q, float* k, float* v) {
  forward_tokens(s, from, q, k, v);
}
NF_ANY_CPU void forward(const Layout& s, const Half* from, Half* q, Half* k, Half* v) {
  forward_tokens(s, from, q, k, v);
}
NF_ANY_CPU void backward(const Layout& s, const float* from, const float* q, const float* k,
                         const float* v, float* result) {
  backward_tokens(s, from, q, k, v, result);
}
NF_ANY_CPU void backward(const Layout& s, const Half* from, const Half* q, const Half* k,
                         const Half* v, Half* result) {
  backward_tokens(s, from, q, k, v, result);
}

Layout layout_of(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                 Along along) {
  const auto sizes = projections.sizes();
  return {sizes[0],
          sizes[1],
          sizes[2],
          num_heads,
          sizes[3] / (3 * num_heads),
          along,
          rotation.cosine_LP.const_data_ptr<float>(),
          rotation.sine_LP.const_data_ptr<float>()};
}

}  // namespace

Heads split_heads(const at::Tensor& projections, int64_t num_heads, const Rotation& rotation,
                  Along along) {
  const auto s = layout_of(projections, num_heads, rotation, along);
  const int64_t length = along == Along::space ? s.N : s.T;
  const auto make = [&] {
    return at::empty({s.tokens() / length * s.K, length, s.F}, projections.options());
  };
  const Heads heads{make(), make(), make()};
  if (projections.scalar_type() == at::kBFloat16) {
    forward(s, projections.const_data_ptr<Half>(), heads.query_SLF.mutable_data_ptr<Half>(),
            heads.key_SLF.mutable_data_ptr<Half>(), heads.value_SLF.mutable_data_ptr<Half>());
  } else {
    forward(s, projections.const_data_ptr<float>(), heads.query_SLF.mutable_data_ptr<float>(),
            heads.key_SLF.mutable_data_ptr<float>(), heads.value_SLF.mutable_data_ptr<float>());
  }
  return heads;
}

at::Tensor split_heads_backward(const at::Tensor& projections, int64_t num_heads,
                                const Rotation& rotation, Along along, const Heads& grad) {
  const auto s = layout_of(projections, num_heads, rotation, along);
  const auto result = at::empty_like(projections);
  if (projections.scalar_type() == at::kBFloat16) {
    backward(s, projections.const_data_ptr<Half>(), grad.query_SLF.const_data_ptr<Half>(),
             grad.key_SLF.const_data_ptr<Half>(), grad.value_SLF.const_data_ptr<Half>(),
             result.mutable_data_ptr<Half>());
  } else {
    backward(s, projections.const_data_ptr<float>(), grad.query_SLF.const_data_ptr<float>(),
             grad.key_SLF.const_data_ptr<float>(), grad.value_SLF.const_data_ptr<float>(),
             result.mutable_data_ptr<float>());
  }
  return result;
}

}  // namespace nextframe::cpu
