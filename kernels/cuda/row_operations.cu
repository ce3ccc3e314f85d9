// Norm, gate and loss of rows, see the bodies.
#include "kernels/cuda/cross_entropy.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/norm.cuh"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/swiglu.cuh"

namespace nextframe::cuda {

void add_norm(const cpu::RowsCall& call, const float* x, const void* update, float* sum, void* norm,
              Stream stream) {
  start_add_norm(call, x, update, sum, norm, Launch{stream});
}

void add_norm_backward(const cpu::RowsCall& call, const float* sum, const float* grad_sum,
                       const void* grad_norm, float* grad_x, void* grad_update, Stream stream) {
  start_add_norm_backward(call, sum, grad_sum, grad_norm, grad_x, grad_update, Launch{stream});
}

void swiglu(const cpu::RowsCall& call, const void* x, void* result, Stream stream) {
  start_swiglu(call, x, result, Launch{stream});
}

void swiglu_backward(const cpu::RowsCall& call, const void* x, const void* grad, void* grad_x,
                     Stream stream) {
  start_swiglu_backward(call, x, grad, grad_x, Launch{stream});
}

void cross_entropy(const cpu::RowsCall& call, const void* logits, const int64_t* targets,
                   float* losses, float* log_sums, Stream stream) {
  start_cross_entropy(call, logits, targets, losses, log_sums, Launch{stream});
}

void cross_entropy_backward(const cpu::RowsCall& call, const void* logits, const int64_t* targets,
                            const float* log_sums, const float* grad, void* grad_logits,
                            Stream stream) {
  start_cross_entropy_backward(call, logits, targets, log_sums, grad, grad_logits, Launch{stream});
}

}  // namespace nextframe::cuda
