// Memory bound: forward moves 4 + 2 + 4 + 2 bytes an element with bfloat16 updates, backward 4 + 4
// + 2
// + 4. Both stay in cache between the products around them.
#include "kernels/cpu/norm_cpu.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/norm.h"

namespace nextframe::cpu {
namespace {

struct Rows {
  int64_t count, width;
};

template <class Norm>
NF_INLINE void forward_rows(Rows rows, const float* x, const Norm* update, float* sum_out,
                            Norm* norm) {
  for (int64_t r = 0; r < rows.count; ++r) {
    const int64_t at = r * rows.width;
    Lanes squares{};
    for (int64_t i = 0; i < rows.width; i += kLanes) {
      const int64_t left = rows.width - i;
      Lanes value = load(x + at + i, left);
      if (update != nullptr) {
        value += load(update + at + i, left);
        store(sum_out + at + i, value, left);
      }
      squares += value * value;
    }
    const float mean = sum(squares) / static_cast<float>(rows.width);
    const float scale = 1.0f / std::sqrt(mean + static_cast<float>(kNormEpsilon));
    const float* source = update != nullptr ? sum_out : x;
    for (int64_t i = 0; i < rows.width; i += kLanes) {
      store(norm + at + i, load(source + at + i, rows.width - i) * scale, rows.width - i);
    }
  }
}

/// d/dx of y = x s, s = 1 / sqrt(mean(x^2) + eps): s (g - y mean(g y)).
template <class Norm>
NF_INLINE void backward_rows(Rows rows, const float* x, const float* grad_sum,
                             const Norm* grad_norm, float* grad_x, Norm* grad_update) {
  for (int64_t r = 0; r < rows.count; ++r) {
    const int64_t at = r * rows.width;
    Lanes squares{}, products{};
    for (int64_t i = 0; i < rows.width; i += kLanes) {
      const Lanes value = load(x + at + i, rows.width - i);
      squares += value * value;
      products += value * load(grad_norm + at + i, rows.width - i);
    }
    const float width = static_cast<float>(rows.width);
    const float scale = 1.0f / std::sqrt(sum(squares) / width + static_cast<float>(kNormEpsilon));
    const float pull = scale * scale * scale * (sum(products) / width);
    for (int64_t i = 0; i < rows.width; i += kLanes) {
      const int64_t left = rows.width - i;
      Lanes grad = load(grad_norm + at + i, left) * scale - load(x + at + i, left) * pull;
      if (grad_sum != nullptr) grad += load(grad_sum + at + i, left);
      store(grad_x + at + i, grad, left);
      store(grad_update + at + i, grad, left);
    }
  }
}

using Half = c10::BFloat16;
NF_ANY_CPU void forward(Rows rows, const float* x, const float* update, float* sum, float* norm) {
  forward_rows(rows, x, update, sum, norm);
}
NF_ANY_CPU void forward(Rows rows, const float* x, const Half* update, float* sum, Half* norm) {
  forward_rows(rows, x, update, sum, norm);
}
NF_ANY_CPU void backward(Rows rows, const float* x, const float* grad_sum, const float* grad_norm,
                         float* grad_x, float* grad_update) {
  backward_rows(rows, x, grad_sum, grad_norm, grad_x, grad_update);
}
NF_ANY_CPU void backward(Rows rows, const float* x, const float* grad_sum, const Half* grad_norm,
                         float* grad_x, Half* grad_update) {
  backward_rows(rows, x, grad_sum, grad_norm, grad_x, grad_update);
}

Rows rows_of(const at::Tensor& x) { return {x.numel() / x.size(-1), x.size(-1)}; }

template <class T>
const T* data_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<T>() : nullptr;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& update,
                                               at::ScalarType norm_dtype) {
  const auto norm = at::empty(x.sizes(), norm_dtype);
  const auto sum = update.defined() ? at::empty_like(x) : x;
  float* sum_data = update.defined() ? sum.mutable_data_ptr<float>() : nullptr;
  if (norm_dtype == at::kBFloat16) {
    forward(rows_of(x), x.const_data_ptr<float>(), data_or_null<Half>(update), sum_data,
            norm.mutable_data_ptr<Half>());
  } else {
    forward(rows_of(x), x.const_data_ptr<float>(), data_or_null<float>(update), sum_data,
            norm.mutable_data_ptr<float>());
  }
  return {sum, norm};
}

std::pair<at::Tensor, at::Tensor> add_rms_norm_backward(const at::Tensor& sum,
                                                        const at::Tensor& grad_sum,
                                                        const at::Tensor& grad_norm) {
  const auto from_norm = grad_norm.contiguous();
  const auto from_sum = grad_sum.defined() ? grad_sum.contiguous() : grad_sum;
  const auto grad_x = at::empty_like(sum), grad_update = at::empty_like(from_norm);
  if (from_norm.scalar_type() == at::kBFloat16) {
    backward(rows_of(sum), sum.const_data_ptr<float>(), data_or_null<float>(from_sum),
             from_norm.const_data_ptr<Half>(), grad_x.mutable_data_ptr<float>(),
             grad_update.mutable_data_ptr<Half>());
  } else {
    backward(rows_of(sum), sum.const_data_ptr<float>(), data_or_null<float>(from_sum),
             from_norm.const_data_ptr<float>(), grad_x.mutable_data_ptr<float>(),
             grad_update.mutable_data_ptr<float>());
  }
  return {grad_x, grad_update};
}

}  // namespace nextframe::cpu
