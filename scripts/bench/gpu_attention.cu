// Short attention with a C interface, for scripts/bench/gpu_attention.
#include <cuda_runtime.h>

#include "kernels/cuda/short_attention.h"

namespace {

/// Numbers as Python sends them: five of an operand, then those of the call, in the order below.
nextframe::AttentionOperand operand(const int64_t* numbers) {
  return {reinterpret_cast<void*>(numbers[0]), numbers[1], numbers[2], numbers[3], numbers[4]};
}

nextframe::ShortAttentionCall make_call(const int64_t* operands, const int64_t* sizes,
                                        const int64_t* mask) {
  nextframe::ShortAttentionCall call{};
  call.units = static_cast<uint32_t>(sizes[0] * sizes[3] * sizes[4]);
  call.queries = static_cast<int32_t>(sizes[1]);
  call.inner = static_cast<uint32_t>(sizes[3]);
  call.heads = static_cast<uint32_t>(sizes[4]);
  call.query = operand(operands), call.key = operand(operands + 5);
  call.value = operand(operands + 10), call.result = operand(operands + 15);
  call.grad_query = operand(operands + 20), call.grad_key = operand(operands + 25);
  call.grad_value = operand(operands + 30);
  call.mask = {sizes[2], mask[0], mask[1], mask[2], mask[3], mask[4]};
  return call;
}

}  // namespace

extern "C" {

/// sizes: outer, queries, keys, inner, heads, head_dim. Returns CUDA's error, 0 if there is none.
int nf_short_attention(int is_backward, int is_fp16, const int64_t* operands, const int64_t* sizes,
                       const int64_t* mask, int normalise, const float* cosine, const float* sine,
                       float scale, cudaStream_t stream) {
  auto call = make_call(operands, sizes, mask);
  call.normalise = normalise != 0;
  call.epsilon = 1e-5f;
  call.cosine = cosine, call.sine = sine;
  call.scale = scale;
  const auto format = is_fp16 ? nextframe::HalfFormat::fp16 : nextframe::HalfFormat::bf16;
  const auto start =
      is_backward ? nextframe::short_attention_backward : nextframe::short_attention_forward;
  start(call, format, sizes[5], stream);
  return cudaGetLastError();
}

// For a run without PyTorch, under compute-sanitizer.
void* nf_allocate(int64_t bytes) {
  void* memory = nullptr;
  return cudaMalloc(&memory, static_cast<size_t>(bytes)) == cudaSuccess ? memory : nullptr;
}
int nf_copy(void* to, const void* from, int64_t bytes) {
  return cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault);
}
int nf_synchronize() { return cudaDeviceSynchronize(); }

}  // extern "C"
