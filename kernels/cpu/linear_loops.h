// The three products of a linear layer, fused with the norm or gate before them and the residual
// addition after them, for rows that fit the L2 cache. Private to each source file, see
// registers.h.
#pragma once

#include "kernels/cpu/products.h"
#include "kernels/cpu/row_loops.h"

namespace nextframe::cpu {
namespace {

NF_INLINE int64_t pairs_of(int64_t rows) { return (rows + 1) / 2; }

/// The rows of one unit, and room for them in other forms.
struct LinearUnit {
  LinearUnit(const LinearCall& call, int64_t unit, void* scratch)
      : first(unit * kLinearRows),
        last(first + kLinearRows < call.rows ? first + kLinearRows : call.rows),
        floats(static_cast<float*>(scratch)),
        x(reinterpret_cast<Bf16*>(floats + kLinearRows * call.in)),
        grad(x + kLinearRows * call.in) {}

  int64_t count() const { return last - first; }

  int64_t first, last;
  float* floats;  // [kLinearRows, in]
  Bf16* x;        // [kLinearRows, in]
  Bf16* grad;     // [kLinearRows, out]
};

int64_t linear_scratch_bytes(const LinearCall& call) {
  return kLinearRows * (6 * call.in + 2 * call.out);
}

NF_INLINE LeftFactor rows_of(const Bf16* x, int64_t size) {
  return {reinterpret_cast<const uint32_t*>(x), size / 2, 1};
}

NF_INLINE RowsCall row_call(const LinearCall& call, const LinearUnit& unit, bool is_bf16) {
  return {unit.count(), call.in, is_bf16, call.epsilon};
}

/// Where the unit's rows of x, or of its gradient, begin.
template <class T>
NF_INLINE T* rows_at(const LinearCall& call, const LinearUnit& unit, void* x) {
  return static_cast<T*>(x) + unit.first * (call.source == LinearSource::kGate ? 2 : 1) * call.in;
}
template <class T>
NF_INLINE const T* rows_at(const LinearCall& call, const LinearUnit& unit, const void* x) {
  return rows_at<T>(call, unit, const_cast<void*>(x));
}

/// The unit's rows of x as the product takes them.
const Bf16* product_rows(const LinearCall& call, const LinearUnit& unit) {
  if (call.source == LinearSource::kRows) return rows_at<Bf16>(call, unit, call.x);
  if (call.source == LinearSource::kNorm) {
    add_norm_of<Bf16>(row_call(call, unit, true), rows_at<float>(call, unit, call.x), nullptr,
                      nullptr, unit.x);
  } else {
    swiglu_of<Bf16>(row_call(call, unit, true), rows_at<Bf16>(call, unit, call.x), unit.x);
  }
  return unit.x;
}

/// The unit's rows of the gradient as the products take them.
const Bf16* gradient_rows(const LinearCall& call, const LinearUnit& unit) {
  const int64_t at = unit.first * call.out;
  if (call.sum == nullptr) return static_cast<const Bf16*>(call.grad) + at;
  const float* const from = static_cast<const float*>(call.grad) + at;
  for (int64_t i = 0; i < unit.count() * call.out; i += kLanes)
    store_values(unit.grad + i, load_values(from + i));
  return unit.grad;
}

void linear_forward(const LinearCall& call, const uint32_t* packed, int64_t first, int64_t last,
                    void* scratch) {
  for (int64_t number = first; number < last; ++number) {
    const LinearUnit unit(call, number, scratch);
    const LeftFactor x = rows_of(product_rows(call, unit), call.in);
    const int64_t start = unit.first * call.out;
    if (call.sum != nullptr) {
      const float* const sum = call.sum + start;
      float* const y = static_cast<float*>(call.y) + start;
      multiply(x, 0, unit.count(), packed, call.in / 2, call.out,
               [&](int64_t row, int64_t column, Floats product) NF_LAMBDA_INLINE {
                 const int64_t at = row * call.out + column;
                 store(y + at, load_values(sum + at) + product);
               });
    } else {
      Bf16* const y = static_cast<Bf16*>(call.y) + start;
      multiply(x, 0, unit.count(), packed, call.in / 2, call.out,
               [&](int64_t row, int64_t column, Floats product)
                   NF_LAMBDA_INLINE { store_values(y + row * call.out + column, product); });
    }
  }
}

/// Back through the product of rows that it took as they are.
void grad_of_rows(const LinearCall& call, const LinearUnit& unit, const LeftFactor& grad,
                  const uint32_t* packed) {
  Bf16* const grad_x = rows_at<Bf16>(call, unit, call.grad_x);
  multiply(grad, 0, unit.count(), packed, call.out / 2, call.in,
           [&](int64_t row, int64_t column, Floats product)
               NF_LAMBDA_INLINE { store_values(grad_x + row * call.in + column, product); });
}

/// Back through the product and what the rows went through before; leaves the rows that it took in
/// unit.x.
void grad_of_source(const LinearCall& call, const LinearUnit& unit, const LeftFactor& grad,
                    const uint32_t* packed) {
  multiply(grad, 0, unit.count(), packed, call.out / 2, call.in,
           [&](int64_t row, int64_t column, Floats product)
               NF_LAMBDA_INLINE { store(unit.floats + row * call.in + column, product); });
  if (call.source == LinearSource::kGate) {
    swiglu_backward_of<Bf16, float>(row_call(call, unit, true), rows_at<Bf16>(call, unit, call.x),
                                    unit.floats, rows_at<Bf16>(call, unit, call.grad_x), unit.x);
    return;
  }
  product_rows(call, unit);
  const float* const beside =
      call.grad_x_sum != nullptr ? rows_at<float>(call, unit, call.grad_x_sum) : nullptr;
  add_norm_backward_of<float>(row_call(call, unit, false), rows_at<float>(call, unit, call.x),
                              beside, unit.floats, rows_at<float>(call, unit, call.grad_x),
                              nullptr);
}

void linear_backward(const LinearCall& call, const uint32_t* packed, int64_t first, int64_t last,
                     void* scratch, uint32_t* grad_pairs, uint32_t* x_pairs) {
  const int64_t pairs = pairs_of(call.rows);
  for (int64_t number = first; number < last; ++number) {
    const LinearUnit unit(call, number, scratch);
    const Bf16* const grad = gradient_rows(call, unit);
    pack_pairs(grad, unit.first, unit.last, PairsInRows{grad_pairs, call.out});
    const Bf16* x = unit.x;
    if (call.grad_x == nullptr) {
      x = product_rows(call, unit);
    } else if (call.source == LinearSource::kRows) {
      x = product_rows(call, unit);
      grad_of_rows(call, unit, rows_of(grad, call.out), packed);
    } else {
      grad_of_source(call, unit, rows_of(grad, call.out), packed);
    }
    pack_pairs(x, unit.first, unit.last, PairsInPanels{x_pairs, call.in, pairs});
  }
}

void linear_grad_weight(const LinearCall& call, const uint32_t* grad_pairs, const uint32_t* x_pairs,
                        int64_t first, int64_t last, float* grad_weight) {
  multiply({grad_pairs, 1, call.out}, first, last, x_pairs, pairs_of(call.rows), call.in,
           [&](int64_t row, int64_t column, Floats product)
               NF_LAMBDA_INLINE { store(grad_weight + row * call.in + column, product); });
}

void pack_forward(const float* weight, int64_t out, int64_t in, int64_t first, int64_t last,
                  uint32_t* packed) {
  for (int64_t row = first; row < last; row += kPanelColumns) {
    pack_columns(weight, in, row, panel_width(row, out), packed + panel_start(row, in / 2));
  }
}

void pack_backward(const float* weight, int64_t out, int64_t in, int64_t first, int64_t last,
                   uint32_t* packed) {
  pack_pairs(weight + first * in, first, last, PairsInPanels{packed, in, out / 2});
}

const LinearLoops kLinearLoops = {pack_forward,    pack_backward,      linear_forward,
                                  linear_backward, linear_grad_weight, linear_scratch_bytes};

}  // namespace
}  // namespace nextframe::cpu
