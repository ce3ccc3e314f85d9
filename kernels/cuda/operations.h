// The functions of kernels/cuda/launches.h, as the .cu files define them.
#pragma once

#include "kernels/cuda/launches.h"

namespace nextframe::cuda {

void add_norm(const cpu::RowsCall& call, const float* x, const void* update, float* sum, void* norm,
              Stream stream);
void add_norm_backward(const cpu::RowsCall& call, const float* sum, const float* grad_sum,
                       const void* grad_norm, float* grad_x, void* grad_update, Stream stream);
void swiglu(const cpu::RowsCall& call, const void* x, void* result, Stream stream);
void swiglu_backward(const cpu::RowsCall& call, const void* x, const void* grad, void* grad_x,
                     Stream stream);

void cut_patches(const cpu::PatchCall& call, int64_t first, int64_t last, Stream stream);
void join_patches(const cpu::PatchCall& call, int64_t first, int64_t last, Stream stream);
void scale_bytes(const uint8_t* bytes, int64_t count, float* pixels, Stream stream);

void squared_error(const float* a, const float* b, int64_t frames, int64_t size, double* parts,
                   float* result, Stream stream);
void squared_error_backward(const float* a, const float* b, const float* grad, int64_t frames,
                            int64_t size, float* grad_a, Stream stream);
void cross_entropy(const cpu::RowsCall& call, const void* logits, const int64_t* targets,
                   float* losses, float* log_sums, Stream stream);
void cross_entropy_backward(const cpu::RowsCall& call, const void* logits, const int64_t* targets,
                            const float* log_sums, const float* grad, void* grad_logits,
                            Stream stream);

void draw(const DrawCall& call, Stream stream);
void adamw(const cpu::AdamWCall& call, int64_t first, int64_t last, Stream stream);
void squared_norm(const float* x, int64_t count, double* parts, double* result, Stream stream);

}  // namespace nextframe::cuda
