// Launches flash attention's kernels: one block for each tile and head.
#pragma once

#include "kernels/cuda/flash_attention_of.h"
#include "kernels/cuda/flash_attention_shapes.cuh"

namespace nextframe {
namespace {

using FlashKernel = void (*)(FlashAttentionCall);

void launch_flash(FlashKernel kernel, int64_t rows, int tile_rows, int shared_bytes,
                  const FlashAttentionCall& call, cudaStream_t stream) {
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                       cudaSharedmemCarveoutMaxShared);
  const int64_t num_tiles = (rows + tile_rows - 1) / tile_rows;
  const auto num_blocks = static_cast<unsigned>(num_tiles * call.units);
  kernel<<<num_blocks, kFlashThreads, static_cast<size_t>(shared_bytes), stream>>>(call);
}

}  // namespace
}  // namespace nextframe
