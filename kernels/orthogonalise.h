// Orthogonalises matrices by Newton-Schulz iterations: the heart of the optimizer Muon.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nextframe {

inline constexpr int64_t kNewtonSchulzSteps = 5;

/// Moves all singular values of a matrix close to 1 and keeps its singular vectors: X / |X|_F, then
/// `steps` times
///
///   X <- a X + (b A + c A A) X    A = X X'    a, b, c = 3.4445, -4.7750, 2.0315
///
/// (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"). A singular
/// value s becomes a s + b s^3 + c s^5 in each step. After five steps those that were at least
/// 0.0015 of |X|_F are in [0.68, 1.21]; smaller ones have grown at most 485 times. Zeros stay
/// zeros. The scale of X does not matter.
///   matrix   float32 [rows, columns]
///   parts    how many row blocks of equal height it has, each orthogonalised by itself
///   returns  a new tensor of the same shape
/// Products are in float32 on the CPU and in bfloat16 on CUDA. The bits depend on shape, values and
/// number of threads alone. Never waits for the device.
at::Tensor orthogonalise(const at::Tensor& matrix, int64_t parts,
                         int64_t steps = kNewtonSchulzSteps);

/// Floating-point operations of orthogonalise().
double orthogonalise_flops(int64_t rows, int64_t columns, int64_t parts,
                           int64_t steps = kNewtonSchulzSteps);

}  // namespace nextframe
