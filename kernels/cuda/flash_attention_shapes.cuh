// Tile shapes of flash attention for each head dimension. All fit the 99 KB of shared memory of
// sm_86 and sm_89; where there are 200 KB, two blocks run on one multiprocessor. The next larger
// tiles would spill registers.
#pragma once

#include "kernels/cuda/flash_attention.cuh"

namespace nextframe {
namespace {

/// Rows of a warp, in parts of 16, and rows of a tile of the other side: as many as registers hold.
template <class Half, int kHeadDim>
using FlashForward = FlashShape<Half, kHeadDim, 2, 64>;
template <class Half, int kHeadDim>
using FlashQueries = FlashShape<Half, kHeadDim, 2, kHeadDim == 128 ? 32 : 64>;
template <class Half, int kHeadDim>
using FlashKeys = FlashShape<Half, kHeadDim, kHeadDim == 128 ? 1 : 2, kHeadDim == 64 ? 32 : 64>;

}  // namespace
}  // namespace nextframe
