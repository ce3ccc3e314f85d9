// The table of CUDA kernels of the fused operations, called by LibTorch code with the arguments of
// the CPU's loops (kernels/cpu/loops.h).
#pragma once

#include <cstdint>

#include "kernels/base/philox.h"
#include "kernels/cpu/loops.h"

struct CUstream_st;  // CUDA's, by name alone: a build without CUDA has no header of it

namespace nextframe::cuda {

using Stream = CUstream_st*;

/// Squares are summed in parts of so many neighbours; see kernels/cuda/square_sums.cuh.
inline constexpr int64_t kSquaresAPart = 1 << 14;
NF_HOST_DEVICE inline int64_t parts_of(int64_t size) {
  return (size + kSquaresAPart - 1) / kSquaresAPart;
}

/// Rows of random numbers. Row b is the start of the Philox key draw_key(draw, stream,
/// sample_ids[b]).
struct DrawCall {
  const int64_t* draw;  // seed and step
  DrawStream stream;
  const int64_t* sample_ids;
  int64_t rows, row_size;
  bool is_normal;  // else uniform
  float* to;
};

/// All pointers are to the GPU's memory. What is named as in cpu::Loops means the same.
struct Launches {
  void (*add_norm)(const cpu::RowsCall& call, const float* x, const void* update, float* sum,
                   void* norm, Stream stream);
  void (*add_norm_backward)(const cpu::RowsCall& call, const float* sum, const float* grad_sum,
                            const void* grad_norm, float* grad_x, void* grad_update, Stream stream);
  void (*swiglu)(const cpu::RowsCall& call, const void* x, void* result, Stream stream);
  void (*swiglu_backward)(const cpu::RowsCall& call, const void* x, const void* grad, void* grad_x,
                          Stream stream);

  void (*cut_patches)(const cpu::PatchCall& call, int64_t first, int64_t last, Stream stream);
  void (*join_patches)(const cpu::PatchCall& call, int64_t first, int64_t last, Stream stream);
  void (*scale_bytes)(const uint8_t* bytes, int64_t count, float* pixels, Stream stream);

  /// `parts` is room for frames * parts_of(size) numbers.
  void (*squared_error)(const float* a, const float* b, int64_t frames, int64_t size, double* parts,
                        float* result, Stream stream);
  void (*squared_error_backward)(const float* a, const float* b, const float* grad, int64_t frames,
                                 int64_t size, float* grad_a, Stream stream);

  /// The loss of a target that is not among the logits is NaN.
  void (*cross_entropy)(const cpu::RowsCall& call, const void* logits, const int64_t* targets,
                        float* losses, float* log_sums, Stream stream);
  void (*cross_entropy_backward)(const cpu::RowsCall& call, const void* logits,
                                 const int64_t* targets, const float* log_sums, const float* grad,
                                 void* grad_logits, Stream stream);

  void (*draw)(const DrawCall& call, Stream stream);

  void (*adamw)(const cpu::AdamWCall& call, int64_t first, int64_t last, Stream stream);
  /// `parts` is room for parts_of(count) numbers.
  void (*squared_norm)(const float* x, int64_t count, double* parts, double* result, Stream stream);

  /// LibTorch's, of the current device.
  Stream (*current_stream)();
  /// Throws what a launch before has failed of.
  void (*check)();
};

/// Null in a build without CUDA.
const Launches* launches();

}  // namespace nextframe::cuda
