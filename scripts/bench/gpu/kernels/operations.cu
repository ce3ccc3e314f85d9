// The fused operations with a C interface, for scripts/bench/gpu_suite. Pointers are to the
// GPU's memory, those that may be null are named so in kernels/cuda/launches.h.
#include <cuda_runtime.h>

#include "kernels/cuda/operations.h"

using namespace nextframe;

extern "C" {

int nf_add_norm(int64_t rows, int64_t width, int bf16, const float* x, const void* update,
                float* sum, void* norm, cudaStream_t stream) {
  cuda::add_norm({rows, width, bf16 != 0, 1e-5f}, x, update, sum, norm, stream);
  return cudaGetLastError();
}
int nf_add_norm_backward(int64_t rows, int64_t width, int bf16, const float* sum,
                         const float* grad_sum, const void* grad_norm, float* grad_x,
                         void* grad_update, cudaStream_t stream) {
  cuda::add_norm_backward({rows, width, bf16 != 0, 1e-5f}, sum, grad_sum, grad_norm, grad_x,
                          grad_update, stream);
  return cudaGetLastError();
}
int nf_swiglu(int64_t rows, int64_t width, int bf16, const void* x, void* result,
              cudaStream_t stream) {
  cuda::swiglu({rows, width, bf16 != 0, 0}, x, result, stream);
  return cudaGetLastError();
}
int nf_swiglu_backward(int64_t rows, int64_t width, int bf16, const void* x, const void* grad,
                       void* grad_x, cudaStream_t stream) {
  cuda::swiglu_backward({rows, width, bf16 != 0, 0}, x, grad, grad_x, stream);
  return cudaGetLastError();
}

/// sizes: clips, frames, height, width, channels, patch_px, halo_px; flags: bytes, bf16, changes.
static cpu::PatchCall patch_call(const int64_t* sizes, const int* flags, void* frames,
                                 void* patches) {
  return {sizes[1],      sizes[2],      sizes[3],      sizes[4], sizes[5], sizes[6],
          flags[0] != 0, flags[1] != 0, flags[2] != 0, frames,   nullptr,  patches};
}
int nf_cut_patches(const int64_t* sizes, const int* flags, void* frames, void* patches,
                   cudaStream_t stream) {
  cuda::cut_patches(patch_call(sizes, flags, frames, patches), 0, sizes[0] * sizes[1], stream);
  return cudaGetLastError();
}
int nf_join_patches(const int64_t* sizes, const int* flags, void* frames, void* patches,
                    cudaStream_t stream) {
  cuda::join_patches(patch_call(sizes, flags, frames, patches), 0, sizes[0] * sizes[1], stream);
  return cudaGetLastError();
}

int nf_squared_error(const float* a, const float* b, int64_t frames, int64_t size, double* parts,
                     float* result, cudaStream_t stream) {
  cuda::squared_error(a, b, frames, size, parts, result, stream);
  return cudaGetLastError();
}
int nf_squared_error_backward(const float* a, const float* b, const float* grad, int64_t frames,
                              int64_t size, float* grad_a, cudaStream_t stream) {
  cuda::squared_error_backward(a, b, grad, frames, size, grad_a, stream);
  return cudaGetLastError();
}
int nf_cross_entropy(int64_t rows, int64_t width, int bf16, const void* logits,
                     const int64_t* targets, float* losses, float* log_sums, cudaStream_t stream) {
  cuda::cross_entropy({rows, width, bf16 != 0, 0}, logits, targets, losses, log_sums, stream);
  return cudaGetLastError();
}
int nf_cross_entropy_backward(int64_t rows, int64_t width, int bf16, const void* logits,
                              const int64_t* targets, const float* log_sums, const float* grad,
                              void* grad_logits, cudaStream_t stream) {
  cuda::cross_entropy_backward({rows, width, bf16 != 0, 0}, logits, targets, log_sums, grad,
                               grad_logits, stream);
  return cudaGetLastError();
}

/// numbers: cpu::AdamWNumbers in the GPU's memory; constants: as in cpu::AdamWCall, beta1 to
/// epsilon.
int nf_adamw(float* value, float* moment1, float* moment2, float* average, const float* gradient,
             const float* numbers, const float* constants, int64_t count, cudaStream_t stream) {
  const cpu::AdamWCall call{
      value,        moment1,      moment2,
      average,      gradient,     reinterpret_cast<const cpu::AdamWNumbers*>(numbers),
      constants[0], constants[1], constants[2],
      constants[3], constants[4], true};
  cuda::adamw(call, 0, count, stream);
  return cudaGetLastError();
}
int nf_squared_norm(const float* x, int64_t count, double* parts, double* result,
                    cudaStream_t stream) {
  cuda::squared_norm(x, count, parts, result, stream);
  return cudaGetLastError();
}
int nf_draw(const int64_t* draw, const int64_t* sample_ids, int64_t rows, int64_t row_size,
            int is_normal, float* to, cudaStream_t stream) {
  cuda::draw({draw, DrawStream::noise, sample_ids, rows, row_size, is_normal != 0, to}, stream);
  return cudaGetLastError();
}

}  // extern "C"
