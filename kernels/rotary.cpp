#include "kernels/rotary.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/norm.h"

namespace nextframe {
namespace {

Rotation rotation_of(const at::Tensor& angles_LP) {
  return {angles_LP.cos().to(at::kFloat), angles_LP.sin().to(at::kFloat)};
}

/// Angle a step of each pair, for a side of `length` patches: pi / length * length^(i / (pairs -
/// 1)).
at::Tensor steps_in_space(int64_t length, int64_t pairs) {
  const auto exponent = at::arange(pairs, at::kDouble) / std::max<int64_t>(1, pairs - 1);
  return at::pow(static_cast<double>(length), exponent) *
         (std::numbers::pi / static_cast<double>(length));
}

}  // namespace

Rotation rotation_in_time(int64_t num_frames, int64_t head_dim, int64_t first_frame) {
  const int64_t pairs = head_dim / 2;
  const auto steps_P = at::pow(100.0, at::arange(pairs, at::kDouble) / -static_cast<double>(pairs));
  const auto frames_L = at::arange(first_frame, first_frame + num_frames, at::kDouble);
  return rotation_of(at::outer(frames_L, steps_P));
}

Rotation rotation_in_space(int64_t rows, int64_t columns, int64_t before, int64_t after,
                           int64_t head_dim) {
  const int64_t pairs = head_dim / 2, row_pairs = pairs / 2;
  const auto angles_LP = at::zeros({before + rows * columns + after, pairs}, at::kDouble);
  const auto grid_RCP =
      angles_LP.slice(0, before, before + rows * columns).view({rows, columns, pairs});
  const auto row_angles = at::outer(at::arange(rows, at::kDouble), steps_in_space(rows, row_pairs));
  const auto column_angles =
      at::outer(at::arange(columns, at::kDouble), steps_in_space(columns, pairs - row_pairs));
  grid_RCP.slice(2, 0, row_pairs).copy_(row_angles.unsqueeze(1));
  grid_RCP.slice(2, row_pairs).copy_(column_angles.unsqueeze(0));
  return rotation_of(angles_LP);
}

Rotation rotation_in_space_time(const Rotation& in_time, const Rotation& in_space) {
  const auto joined = [](const at::Tensor& time_TP, const at::Tensor& space_NP) {
    const int64_t frames = time_TP.size(0), tokens = space_NP.size(0);
    return at::cat({time_TP.unsqueeze(1).expand({frames, tokens, -1}),
                    space_NP.unsqueeze(0).expand({frames, tokens, -1})},
                   2)
        .flatten(0, 1)
        .contiguous();
  };
  return {joined(in_time.cosine_LP, in_space.cosine_LP), joined(in_time.sine_LP, in_space.sine_LP)};
}

at::Tensor norm_rope(const at::Tensor& x_OLIKF, bool normalise, const Rotation& rotation,
                     int64_t first) {
  auto x = x_OLIKF;
  if (normalise) x = x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt();
  if (!rotation.cosine_LP.defined()) return x;
  const auto angle = [&](const at::Tensor& table_LP) {
    return table_LP.slice(0, first, first + x.size(1)).to(x.dtype()).view({x.size(1), 1, 1, -1});
  };
  const auto cosine = angle(rotation.cosine_LP), sine = angle(rotation.sine_LP);
  const auto halves = x.chunk(2, -1);
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine},
                 -1);
}

}  // namespace nextframe
