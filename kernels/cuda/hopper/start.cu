// Tensor maps by the driver, and which of the .cu files beside this one has the kernels of a call.
#include <cuda.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/cuda/hopper_attention.h"

namespace nextframe {
namespace {

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);

/// From the driver that is there: nothing is linked to it, so programs start without one.
EncodeTiled encode_tiled() {
  constexpr unsigned kFirstVersion = 12000;
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
  const auto error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found,
                                                      kFirstVersion, cudaEnableDefault, &result);
  if (error != cudaSuccess || found == nullptr || result != cudaDriverEntryPointSuccess) {
    throw std::runtime_error(
        "attention: the CUDA driver has no cuTensorMapEncodeTiled; a driver for CUDA 12.0 or later "
        "is needed");
  }
  return reinterpret_cast<EncodeTiled>(found);
}

template <HopperKernel kKernel>
void start(const FlashAttentionCall& flash, HalfFormat format, int64_t head_dim,
           cudaStream_t stream) {
  const auto call = hopper_call(flash, kKernel, head_dim, encoded);
  if (head_dim == 64) return HopperAttentionOf<kKernel, 64>::start(call, format, stream);
  HopperAttentionOf<kKernel, 128>::start(call, format, stream);
}

}  // namespace

TensorMap encoded(const TensorBox& box) {
  static const EncodeTiled encode = encode_tiled();
  cuuint64_t sizes[5], strides[4];
  for (int d = 0; d < 5; ++d) sizes[d] = static_cast<cuuint64_t>(box.sizes[d]);
  for (int d = 0; d < 4; ++d) strides[d] = static_cast<cuuint64_t>(box.stride_bytes[d]);
  const cuuint32_t box_sizes[5] = {box.columns, box.rows, 1, 1, 1}, steps[5] = {1, 1, 1, 1, 1};
  CUtensorMap made;
  const CUresult result =
      encode(&made, box.is_float ? CU_TENSOR_MAP_DATA_TYPE_FLOAT32 : CU_TENSOR_MAP_DATA_TYPE_UINT16,
             5, box.data, sizes, strides, box_sizes, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
             box.is_swizzled ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE,
             CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    throw std::runtime_error("attention: cuTensorMapEncodeTiled failed with CUDA driver error " +
                             std::to_string(static_cast<int>(result)));
  }
  TensorMap map;
  static_assert(sizeof(map) == sizeof(made) && alignof(TensorMap) >= alignof(CUtensorMap));
  std::memcpy(&map, &made, sizeof(map));
  return map;
}

void hopper_attention_forward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                              cudaStream_t stream) {
  start<HopperKernel::forward>(call, format, head_dim, stream);
}

void hopper_attention_backward(const FlashAttentionCall& call, HalfFormat format, int64_t head_dim,
                               cudaStream_t stream) {
  start<HopperKernel::keys_backward>(call, format, head_dim, stream);
  start<HopperKernel::queries_backward>(call, format, head_dim, stream);
}

}  // namespace nextframe
