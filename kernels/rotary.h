// Rotary position embeddings (RoPE, Su et al. 2021) in time and in space, and QK-norm, which comes
// before them.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// RoPE angles of L positions; pair i of a head is (value i, value i + head_dim / 2).
struct Rotation {
  at::Tensor cosine_LP;  // float32, P = head_dim / 2 pairs
  at::Tensor sine_LP;
};

/// Positions first_frame .. first_frame + num_frames - 1 in time: pair i is rotated by t * 100^(-i
/// / P).
Rotation rotation_in_time(int64_t num_frames, int64_t head_dim, int64_t first_frame = 0);

/// Positions in a grid of patches, row by row: the first half of the pairs is rotated by the
/// row, the second by the column, with frequencies from half a turn over the whole grid to
/// half a turn a patch. The `before` and `after` tokens around the grid have no position and
/// are not rotated.
Rotation rotation_in_space(int64_t rows, int64_t columns, int64_t before, int64_t after,
                           int64_t head_dim);

/// Angles of tokens that have a time and a place, frame after frame: the first pairs are rotated by
/// `in_time` [T, Pt], the others by `in_space` [N, Ps]. Returns [T N, Pt + Ps].
Rotation rotation_in_space_time(const Rotation& in_time, const Rotation& in_space);

/// QK-norm and RoPE, by definition: x / sqrt(mean(x^2) + kNormEpsilon) over F if `normalise`,
/// then each pair rotated by the angles of its row, in the precision of x.
///   x_OLIKF  [O, L, I, K, F]     rotation  uses rows first .. first + L - 1; undefined: none
at::Tensor norm_rope(const at::Tensor& x_OLIKF, bool normalise, const Rotation& rotation,
                     int64_t first);

}  // namespace nextframe
