// Buffers and frames of numbers, see the bodies.
#include "kernels/cuda/adamw.cuh"
#include "kernels/cuda/draws.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/square_sums.cuh"

namespace nextframe::cuda {

void squared_error(const float* a, const float* b, int64_t frames, int64_t size, double* parts,
                   float* result, Stream stream) {
  start_squared_error(a, b, frames, size, parts, result, Launch{stream});
}

void squared_error_backward(const float* a, const float* b, const float* grad, int64_t frames,
                            int64_t size, float* grad_a, Stream stream) {
  start_squared_error_backward(a, b, grad, frames, size, grad_a, Launch{stream});
}

void draw(const DrawCall& call, Stream stream) { start_draw(call, Launch{stream}); }

void adamw(const cpu::AdamWCall& call, int64_t first, int64_t last, Stream stream) {
  start_adamw(call, first, last, Launch{stream});
}

void squared_norm(const float* x, int64_t count, double* parts, double* result, Stream stream) {
  start_squared_norm(x, count, parts, result, Launch{stream});
}

}  // namespace nextframe::cuda
