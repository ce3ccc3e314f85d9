// Attention on CUDA: kernels for short sequences and flash attention for all others, both in 16
// bits; the definition for the rest. Flash attention may be cuDNN's.
#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kernels/attention_operators.h"
#include "kernels/cuda/cudnn_answer.h"
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/flash_attention_plan.h"
#include "kernels/cuda/hopper_attention.h"
#include "kernels/cuda/short_attention.h"
#include "kernels/cuda/short_attention_tensors.h"
#include "kernels/flash_choice.h"
#include "kernels/kernel_warnings.h"

// In a static library: without a name that the link asks for, this file would be left out.
extern "C" {
extern const int nf_attention_cuda = 1;
}

namespace nextframe {
namespace {

enum class Kernels { definition, short_sequences, flash };

/// The one place that chooses. Kernels are built for compute capability 8.0 and later.
Kernels kernels_for(const at::Tensor& query, const at::Tensor& key,
                    const AttentionOptions& options) {
  int major = 0;
  C10_CUDA_CHECK(
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, query.device().index()));
  if (major < 8) return Kernels::definition;
  if (is_short_attention(query, key, options)) return Kernels::short_sequences;
  return is_flash_attention(query, key, options) ? Kernels::flash : Kernels::definition;
}

HalfFormat format_of(const at::Tensor& x) {
  return x.scalar_type() == at::kHalf ? HalfFormat::fp16 : HalfFormat::bf16;
}

// ---- Short sequences

using ShortKernels = void (*)(const ShortAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream);

void start(ShortKernels kernels, const ShortAttentionCall& call, const at::Tensor& query) {
  kernels(call, format_of(query), query.size(4), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_CHECK(cudaGetLastError());
}

at::Tensor short_forward(const AttentionTensors& inputs, const AttentionOptions& options) {
  const auto q = with_aligned_rows(inputs.query), k = with_aligned_rows(inputs.key),
             v = with_aligned_rows(inputs.value);
  const auto result = at::empty(q.sizes(), q.options());
  auto call = short_attention_call(q, k, v, options);
  call.result = attention_operand(result);
  start(short_attention_forward, call, q);
  return result;
}

void short_backward(const at::Tensor& grad, const AttentionTensors& inputs,
                    const AttentionOptions& options, const AttentionTensors& grads) {
  const auto g = with_aligned_rows(grad), q = with_aligned_rows(inputs.query),
             k = with_aligned_rows(inputs.key), v = with_aligned_rows(inputs.value);
  auto call = short_attention_call(q, k, v, options);
  call.result = attention_operand(g);
  call.grad_query = attention_operand(grads.query);
  call.grad_key = attention_operand(grads.key);
  call.grad_value = attention_operand(grads.value);
  start(short_attention_backward, call, q);
}

// ---- Flash attention

/// Whether sm_90a's kernels are to answer, and can.
bool takes_hopper(const FlashAttentionCall& call, int64_t head_dim, bool is_backward) {
  if (flash_choice() != FlashChoice::hopper) return false;
  int device = 0, major = 0, minor = 0;
  C10_CUDA_CHECK(cudaGetDevice(&device));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
  const char* refusal = major == 9 && minor == 0 ? hopper_refusal(call, head_dim, is_backward)
                                                 : "the GPU is not of compute capability 9.0";
  if (refusal == nullptr) return true;
  TORCH_WARN_ONCE("attention: the kernels of sm_90a were asked for, but ", refusal,
                  "; those for all GPUs answer such calls");
  return false;
}

/// Whether cuDNN was asked for, and has answered.
bool is_answered_by_cudnn(const FlashAttentionCall& flash, const FlashResult& made,
                          bool is_backward) {
  if (flash_choice() != FlashChoice::cudnn) return false;
  at::Tensor workspace;
  const auto room = [&](int64_t bytes) {
    workspace = at::empty({bytes}, made.result.options().dtype(at::kByte));
    return workspace.data_ptr();
  };
  const auto answer = [&](const CudnnCall& call) {
    return cudnn_attention(call, c10::cuda::getCurrentCUDAStream(), room);
  };
  const auto refusal = answer_by_cudnn(answer, flash, made, is_backward);
  if (refusal.empty()) return true;
  warn_once_of_kernel(c10::str("attention: cuDNN was asked for, but ", refusal,
                               "; our own kernels answer such a ",
                               is_backward ? "backward" : "call"));
  return false;
}

FlashKernels flash_kernels(const at::Tensor& query) {
  const auto format = format_of(query);
  const int64_t head_dim = query.size(4);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  using Tensors = FlashKernels::Tensors;
  return {[=](const FlashAttentionCall& call, const Tensors&) {
            const auto start = takes_hopper(call, head_dim, false) ? hopper_attention_forward
                                                                   : flash_attention_forward;
            start(call, format, head_dim, stream);
            C10_CUDA_CHECK(cudaGetLastError());
          },
          [=](const FlashAttentionCall& call, const Tensors&) {
            const auto start = takes_hopper(call, head_dim, true) ? hopper_attention_backward
                                                                  : flash_attention_backward;
            start(call, format, head_dim, stream);
            C10_CUDA_CHECK(cudaGetLastError());
          },
          [=](AttentionPass pass, const AttentionRowsCall& call, const Tensors&) {
            attention_pass(pass, call, format, head_dim, stream);
            C10_CUDA_CHECK(cudaGetLastError());
          },
          is_answered_by_cudnn};
}

// ---- Both

/// What is kept is undefined but for flash attention.
FlashResult forward(const AttentionTensors& inputs, const AttentionOptions& options) {
  const c10::cuda::CUDAGuard device(inputs.query.device());
  switch (kernels_for(inputs.query, inputs.key, options)) {
    case Kernels::short_sequences:
      return {short_forward(inputs, options), {}};
    case Kernels::flash:
      return FlashPlan(flash_kernels(inputs.query), inputs, options).forward();
    default:
      warn_no_attention_kernel(inputs.query);
      return {attention_definition(inputs.query, inputs.key, inputs.value, options), {}};
  }
}

/// Writes the gradients, all of them, into tensors of the inputs' shapes with aligned rows; false
/// if there are no kernels. Without `made`, flash attention makes it again.
bool backward_into(const at::Tensor& grad, const FlashResult* made, const AttentionTensors& inputs,
                   const AttentionOptions& options, const AttentionTensors& grads) {
  const c10::cuda::CUDAGuard device(inputs.query.device());
  const auto kernels = kernels_for(inputs.query, inputs.key, options);
  if (kernels == Kernels::short_sequences) short_backward(grad, inputs, options, grads);
  if (kernels == Kernels::flash) {
    const FlashPlan plan(flash_kernels(inputs.query), inputs, options);
    plan.backward(grad, made != nullptr ? *made : plan.forward(), grads);
  }
  return kernels != Kernels::definition;
}

// ---- The operators

AttentionTensors parts_of(const at::Tensor& packed) {
  return {packed.select(3, 0), packed.select(3, 1), packed.select(3, 2)};
}

std::tuple<at::Tensor, at::Tensor> attention_kept(const at::Tensor& query, const at::Tensor& key,
                                                  const at::Tensor& value,
                                                  const OptionalTensor& cosine,
                                                  const OptionalTensor& sine,
                                                  at::IntArrayRef numbers, double scale) {
  const auto made =
      forward({query, key, value}, attention_options(numbers, scale, cosine, sine, key.size(1)));
  return {made.result, made.log_sums};
}

at::Tensor attention_on_cuda(const at::Tensor& query, const at::Tensor& key,
                             const at::Tensor& value, const OptionalTensor& cosine,
                             const OptionalTensor& sine, at::IntArrayRef numbers, double scale) {
  return std::get<0>(attention_kept(query, key, value, cosine, sine, numbers, scale));
}

ThreeTensors backward(const at::Tensor& grad, const FlashResult* made, const AttentionTensors& in,
                      const OptionalTensor& cosine, const OptionalTensor& sine,
                      at::IntArrayRef numbers, double scale) {
  const auto options = attention_options(numbers, scale, cosine, sine, in.key.size(1));
  const auto like = [](const at::Tensor& x) { return at::empty(x.sizes(), x.options()); };
  const AttentionTensors grads{like(in.query), like(in.key), like(in.value)};
  if (backward_into(grad, made, in, options, grads)) return {grads.query, grads.key, grads.value};
  return attention_backward_fallback(grad, in.query, in.key, in.value, cosine, sine, numbers,
                                     scale);
}

ThreeTensors attention_backward_on_cuda(const at::Tensor& grad, const at::Tensor& query,
                                        const at::Tensor& key, const at::Tensor& value,
                                        const OptionalTensor& cosine, const OptionalTensor& sine,
                                        at::IntArrayRef numbers, double scale) {
  return backward(grad, nullptr, {query, key, value}, cosine, sine, numbers, scale);
}

ThreeTensors attention_backward_kept(const at::Tensor& grad, const at::Tensor& result,
                                     const at::Tensor& kept, const at::Tensor& query,
                                     const at::Tensor& key, const at::Tensor& value,
                                     const OptionalTensor& cosine, const OptionalTensor& sine,
                                     at::IntArrayRef numbers, double scale) {
  const FlashResult made{result, kept};
  return backward(grad, &made, {query, key, value}, cosine, sine, numbers, scale);
}

at::Tensor self_backward(const at::Tensor& grad, const FlashResult* made,
                         const at::Tensor& projections, const OptionalTensor& cosine,
                         const OptionalTensor& sine, at::IntArrayRef numbers, double scale) {
  const auto options = attention_options(numbers, scale, cosine, sine, projections.size(1));
  const auto result = at::empty(projections.sizes(), projections.options());
  if (backward_into(grad, made, parts_of(projections), options, parts_of(result))) return result;
  return self_attention_backward_by_parts(grad, projections, cosine, sine, numbers, scale);
}

at::Tensor self_attention_backward_on_cuda(const at::Tensor& grad, const at::Tensor& projections,
                                           const OptionalTensor& cosine, const OptionalTensor& sine,
                                           at::IntArrayRef numbers, double scale) {
  return self_backward(grad, nullptr, projections, cosine, sine, numbers, scale);
}

at::Tensor self_attention_backward_kept(const at::Tensor& grad, const at::Tensor& result,
                                        const at::Tensor& kept, const at::Tensor& projections,
                                        const OptionalTensor& cosine, const OptionalTensor& sine,
                                        at::IntArrayRef numbers, double scale) {
  const FlashResult made{result, kept};
  return self_backward(grad, &made, projections, cosine, sine, numbers, scale);
}

}  // namespace

TORCH_LIBRARY_IMPL(nextframe, CUDA, library) {
  library.impl("attention", attention_on_cuda);
  library.impl("attention_backward", attention_backward_on_cuda);
  library.impl("self_attention_backward", self_attention_backward_on_cuda);
  library.impl("attention_kept", attention_kept);
  library.impl("attention_backward_kept", attention_backward_kept);
  library.impl("self_attention_backward_kept", self_attention_backward_kept);
}

}  // namespace nextframe
