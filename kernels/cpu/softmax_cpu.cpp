// Bound by exp: a row of at most a few hundred scores stays in the first cache.
#include "kernels/cpu/softmax_cpu.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/cpu/lanes.h"

namespace nextframe::cpu {
namespace {

struct Squares {
  int64_t rows, length;  // rows of all squares together
  float scale;
  bool causal;

  /// The columns that a row sees.
  int64_t seen(int64_t row) const { return causal ? row % length + 1 : length; }
};

/// 1 in the first `count` lanes, else 0.
NF_INLINE Lanes first_lanes(int64_t count) {
  const Lanes number = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return select((Bits)(number < static_cast<float>(count)), Lanes{} + 1.0f, Lanes{});
}

template <class T>
NF_INLINE void forward_rows(Squares s, const T* scores, T* result, float* row_buffer) {
  for (int64_t row = 0; row < s.rows; ++row) {
    const T* from = scores + row * s.length;
    T* to = result + row * s.length;
    const int64_t seen = s.seen(row);
    Lanes peak = Lanes{} - 3.0e38f;
    for (int64_t i = 0; i < seen; i += kLanes) {
      const Lanes inside = first_lanes(seen - i);
      const Lanes logit = load(from + i, s.length - i) * s.scale;
      store(row_buffer + i, logit, kLanes);
      peak = larger(select((Bits)(inside > 0.0f), logit, peak), peak);
    }
    const Lanes top = Lanes{} + largest(peak);
    Lanes total{};
    for (int64_t i = 0; i < seen; i += kLanes) {
      const Lanes power = exp(load(row_buffer + i, kLanes) - top) * first_lanes(seen - i);
      store(row_buffer + i, power, kLanes);
      total += power;
    }
    const float inverse = 1.0f / sum(total);
    for (int64_t i = 0; i < s.length; i += kLanes) {
      const Lanes share = i < seen ? load(row_buffer + i, kLanes) * inverse : Lanes{};
      store(to + i, share, s.length - i);
    }
  }
}

/// grad_scores = scale p (g - sum(g p)).
template <class T>
NF_INLINE void backward_rows(Squares s, const T* probabilities, const T* grad, T* result) {
  for (int64_t row = 0; row < s.rows; ++row) {
    const int64_t at = row * s.length;
    const int64_t seen = s.seen(row);
    Lanes products{};
    for (int64_t i = 0; i < seen; i += kLanes) {
      products += load(probabilities + at + i, s.length - i) * load(grad + at + i, s.length - i);
    }
    const float mean = sum(products);
    for (int64_t i = 0; i < s.length; i += kLanes) {
      const int64_t left = s.length - i;
      const Lanes p = load(probabilities + at + i, left);
      const Lanes slope = p * (load(grad + at + i, left) - mean) * s.scale;
      store(result + at + i, i < seen ? slope : Lanes{}, left);
    }
  }
}

using Half = c10::BFloat16;
NF_ANY_CPU void forward(Squares s, const float* scores, float* result, float* row_buffer) {
  forward_rows(s, scores, result, row_buffer);
}
NF_ANY_CPU void forward(Squares s, const Half* scores, Half* result, float* row_buffer) {
  forward_rows(s, scores, result, row_buffer);
}
NF_ANY_CPU void backward(Squares s, const float* p, const float* grad, float* result) {
  backward_rows(s, p, grad, result);
}
NF_ANY_CPU void backward(Squares s, const Half* p, const Half* grad, Half* result) {
  backward_rows(s, p, grad, result);
}

Squares squares_of(const at::Tensor& x, double scale, bool causal) {
  const int64_t length = x.size(-1);
  return {x.numel() / std::max<int64_t>(1, length), length, static_cast<float>(scale), causal};
}

}  // namespace

at::Tensor attention_softmax(const at::Tensor& scores, double scale, bool causal) {
  const auto result = at::empty_like(scores);
  const auto squares = squares_of(scores, scale, causal);
  std::vector<float> row_buffer(static_cast<size_t>(squares.length + kLanes));
  if (scores.scalar_type() == at::kBFloat16) {
    forward(squares, scores.const_data_ptr<Half>(), result.mutable_data_ptr<Half>(),
            row_buffer.data());
  } else {
    forward(squares, scores.const_data_ptr<float>(), result.mutable_data_ptr<float>(),
            row_buffer.data());
  }
  return result;
}

at::Tensor attention_softmax_backward(const at::Tensor& probabilities, const at::Tensor& grad,
                                      double scale, bool causal) {
  const auto result = at::empty_like(probabilities);
  const auto squares = squares_of(probabilities, scale, causal);
  if (probabilities.scalar_type() == at::kBFloat16) {
    backward(squares, probabilities.const_data_ptr<Half>(), grad.const_data_ptr<Half>(),
             result.mutable_data_ptr<Half>());
  } else {
    backward(squares, probabilities.const_data_ptr<float>(), grad.const_data_ptr<float>(),
             result.mutable_data_ptr<float>());
  }
  return result;
}

}  // namespace nextframe::cpu
