#include "kernels/orthogonalise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace nextframe {
namespace {

constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;

/// X / |X|_F, in the type of the products. The norm is in float64, where no square is lost, and a
/// matrix of zeros stays one.
at::Tensor scaled_to_norm_1(const at::Tensor& matrix) {
  const auto norm = at::linalg_vector_norm(matrix, 2, c10::nullopt, /*keepdim=*/false, at::kDouble)
                        .clamp_min(std::numeric_limits<float>::min());
  return matrix.div(norm).to(matrix.is_cuda() ? at::kBFloat16 : at::kFloat);
}

/// One matrix. A is made of the shorter side: X X' of a wide one, X' X of a tall one.
at::Tensor newton_schulz(const at::Tensor& matrix, int64_t steps) {
  const bool is_wide = matrix.size(0) <= matrix.size(1);
  auto x = scaled_to_norm_1(matrix);
  for (int64_t step = 0; step < steps; ++step) {
    const auto a = is_wide ? at::mm(x, x.t()) : at::mm(x.t(), x);
    const auto polynomial = at::addmm(a, a, a, kB, kC);
    x = is_wide ? at::addmm(x, polynomial, x, kA) : at::addmm(x, x, polynomial, kA);
  }
  return x;
}

}  // namespace

at::Tensor orthogonalise(const at::Tensor& matrix, int64_t parts, int64_t steps) {
  TORCH_CHECK(matrix.scalar_type() == at::kFloat && matrix.dim() == 2 && parts > 0 &&
                  matrix.size(0) % parts == 0,
              "orthogonalise: need a float32 matrix of ", parts,
              " row blocks of equal height, got ", matrix.scalar_type(), " ", matrix.sizes());
  const int64_t rows = matrix.size(0) / parts;
  auto result = at::empty_like(matrix, at::MemoryFormat::Contiguous);
  for (int64_t part = 0; part < parts; ++part) {
    const auto block = matrix.narrow(0, part * rows, rows);
    result.narrow(0, part * rows, rows).copy_(newton_schulz(block, steps));
  }
  return result;
}

double orthogonalise_flops(int64_t rows, int64_t columns, int64_t parts, int64_t steps) {
  const auto height = static_cast<double>(rows / parts), width = static_cast<double>(columns);
  const double m = std::min(height, width), n = std::max(height, width);
  return static_cast<double>(parts * steps) * (4 * m * m * n + 2 * m * m * m);
}

}  // namespace nextframe
