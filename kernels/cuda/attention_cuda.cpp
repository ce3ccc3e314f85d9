// Attention on CUDA: short sequences in 16 bits by their kernels, all else by the definition.
#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kernels/attention_operators.h"
#include "kernels/cuda/short_attention.h"
#include "kernels/cuda/short_attention_tensors.h"

// In a static library: without a name that the link asks for, this file would be left out.
extern "C" {
extern const int nf_attention_cuda = 1;
}

namespace nextframe {
namespace {

/// The kernels are built for compute capability 8.0 and later.
bool has_kernels(c10::Device device) {
  int major = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()));
  return major >= 8;
}

bool is_short(const at::Tensor& query, const at::Tensor& key, const AttentionOptions& options) {
  return is_short_attention(query, key, options) && has_kernels(query.device());
}

using Kernels = void (*)(const ShortAttentionCall& call, HalfFormat format, int64_t head_dim,
                         cudaStream_t stream);

void start(Kernels kernels, const ShortAttentionCall& call, const at::Tensor& query) {
  const auto format = query.scalar_type() == at::kHalf ? HalfFormat::fp16 : HalfFormat::bf16;
  kernels(call, format, query.size(4), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_CHECK(cudaGetLastError());
}

/// Writes the gradients, all of them, into tensors of the inputs' shapes with aligned rows.
void backward_into(const at::Tensor& grad, const at::Tensor& query, const at::Tensor& key,
                   const at::Tensor& value, const AttentionOptions& options,
                   const at::Tensor& grad_query, const at::Tensor& grad_key,
                   const at::Tensor& grad_value) {
  const c10::cuda::CUDAGuard device(query.device());
  const auto g = with_aligned_rows(grad), q = with_aligned_rows(query), k = with_aligned_rows(key),
             v = with_aligned_rows(value);
  auto call = short_attention_call(q, k, v, options);
  call.result = attention_operand(g);
  call.grad_query = attention_operand(grad_query);
  call.grad_key = attention_operand(grad_key);
  call.grad_value = attention_operand(grad_value);
  start(short_attention_backward, call, q);
}

// ---- The operators

at::Tensor attention_on_cuda(const at::Tensor& query, const at::Tensor& key,
                             const at::Tensor& value, const OptionalTensor& cosine,
                             const OptionalTensor& sine, at::IntArrayRef numbers, double scale) {
  const auto options = attention_options(numbers, scale, cosine, sine, key.size(1));
  if (!is_short(query, key, options)) {
    return attention_anywhere(query, key, value, cosine, sine, numbers, scale);
  }
  const c10::cuda::CUDAGuard device(query.device());
  const auto q = with_aligned_rows(query), k = with_aligned_rows(key), v = with_aligned_rows(value);
  const auto result = at::empty(query.sizes(), query.options());
  auto call = short_attention_call(q, k, v, options);
  call.result = attention_operand(result);
  start(short_attention_forward, call, q);
  return result;
}

ThreeTensors attention_backward_on_cuda(const at::Tensor& grad, const at::Tensor& query,
                                        const at::Tensor& key, const at::Tensor& value,
                                        const OptionalTensor& cosine, const OptionalTensor& sine,
                                        at::IntArrayRef numbers, double scale) {
  const auto options = attention_options(numbers, scale, cosine, sine, key.size(1));
  if (!is_short(query, key, options)) {
    return attention_backward_anywhere(grad, query, key, value, cosine, sine, numbers, scale);
  }
  const ThreeTensors grads = {at::empty(query.sizes(), query.options()),
                              at::empty(key.sizes(), key.options()),
                              at::empty(value.sizes(), value.options())};
  backward_into(grad, query, key, value, options, std::get<0>(grads), std::get<1>(grads),
                std::get<2>(grads));
  return grads;
}

at::Tensor self_attention_backward_on_cuda(const at::Tensor& grad, const at::Tensor& projections,
                                           const OptionalTensor& cosine, const OptionalTensor& sine,
                                           at::IntArrayRef numbers, double scale) {
  const auto options = attention_options(numbers, scale, cosine, sine, projections.size(1));
  const auto part = [](const at::Tensor& x, int64_t number) { return x.select(3, number); };
  if (!is_short(part(projections, 0), part(projections, 1), options)) {
    return self_attention_backward_by_parts(grad, projections, cosine, sine, numbers, scale);
  }
  const auto result = at::empty(projections.sizes(), projections.options());
  backward_into(grad, part(projections, 0), part(projections, 1), part(projections, 2), options,
                part(result, 0), part(result, 1), part(result, 2));
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(nextframe, CUDA, library) {
  library.impl("attention", attention_on_cuda);
  library.impl("attention_backward", attention_backward_on_cuda);
  library.impl("self_attention_backward", self_attention_backward_on_cuda);
}

}  // namespace nextframe
