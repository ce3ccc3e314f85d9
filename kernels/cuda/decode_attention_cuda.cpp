// A dream's step of attention on CUDA: kernels in 16 bits, LibTorch's operations for the rest.
#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kernels/attention_operators.h"
#include "kernels/cuda/decode_attention.h"
#include "kernels/cuda/decode_attention_plan.h"
#include "kernels/cuda/flash_attention.h"

// In a static library: without a name that the link asks for, this file would be left out.
extern "C" {
extern const int nf_decode_attention_cuda = 1;
}

namespace nextframe {
namespace {

bool has_kernels(const at::Tensor& projections, const KvCache& ring, const DecodeOptions& options) {
  int major = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor,
                                        projections.device().index()));
  return major >= 8 && has_decode_kernels(projections, ring, options);
}

DecodeKernels decode_kernels(const at::Tensor& projections) {
  const auto format = projections.scalar_type() == at::kHalf ? HalfFormat::fp16 : HalfFormat::bf16;
  const int64_t head_dim = projections.size(5);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const auto start = [=](auto kernel) {
    return [=](const auto& call, const DecodeKernels::Tensors&) {
      kernel(call, format, head_dim, stream);
      C10_CUDA_CHECK(cudaGetLastError());
    };
  };
  const auto place = [](const AttentionRowsCall& call, HalfFormat as, int64_t width,
                        cudaStream_t on) {
    attention_pass(AttentionPass::place, call, as, width, on);
  };
  return {start(decode_step), start(decode_frame), start(join_decode_parts), start(place)};
}

void write_kv_cache_on_cuda(const at::Tensor& projections, const at::Tensor& ring_key,
                            const at::Tensor& ring_value, const OptionalTensor& cosine,
                            const OptionalTensor& sine, at::IntArrayRef numbers) {
  const c10::cuda::CUDAGuard device(projections.device());
  const auto options = decode_options(numbers, 1, cosine, sine);
  const KvCache ring{ring_key, ring_value};
  if (!has_kernels(projections, ring, options)) {
    return write_kv_cache_fallback(projections, ring_key, ring_value, cosine, sine, numbers);
  }
  DecodePlan(decode_kernels(projections), projections, ring, options).keep();
}

at::Tensor decode_attention_on_cuda(const at::Tensor& projections, const at::Tensor& ring_key,
                                    const at::Tensor& ring_value, const OptionalTensor& cosine,
                                    const OptionalTensor& sine, at::IntArrayRef numbers,
                                    double scale) {
  const c10::cuda::CUDAGuard device(projections.device());
  const auto options = decode_options(numbers, scale, cosine, sine);
  const KvCache ring{ring_key, ring_value};
  if (!has_kernels(projections, ring, options)) {
    warn_no_attention_kernel(projections);
    return decode_attention_fallback(projections, ring_key, ring_value, cosine, sine, numbers,
                                     scale);
  }
  return DecodePlan(decode_kernels(projections), projections, ring, options).run();
}

}  // namespace

TORCH_LIBRARY_IMPL(nextframe, CUDA, library) {
  library.impl("write_kv_cache", write_kv_cache_on_cuda);
  library.impl("decode_attention", decode_attention_on_cuda);
}

}  // namespace nextframe
