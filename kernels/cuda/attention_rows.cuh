// Addresses of the rows of attention's tensors, and how a warp writes them.
#pragma once

#include "kernels/cuda/attention_operand.h"
#include "kernels/cuda/shared_matrix.cuh"

namespace nextframe {
namespace {

/// Where a unit's rows begin.
struct Unit {
  uint32_t outer, inner, head;

  template <class Call>
  NF_DEVICE static Unit of(const Call& call, uint32_t number) {
    const uint32_t sequence = number / call.heads;
    return {sequence / call.inner, sequence % call.inner, number % call.heads};
  }
  NF_DEVICE uint16_t* rows(const AttentionOperand& of) const {
    return static_cast<uint16_t*>(of.data) + outer * of.outer + inner * of.inner + head * of.head;
  }
};

/// One warp writes 16 rows of sums, those below `count`, by way of `stage`.
template <class Half, int kHeadDim>
NF_DEVICE void write_rows(const AttentionOperand& to, const Unit& unit, int first, int count,
                          const float (&sums)[kHeadDim / 8][4], SharedMatrix<kHeadDim> stage) {
  constexpr int kChunks = kHeadDim / 8, kRowsAtOnce = kWarp / kChunks;
  store_rows<Half>(stage, sums);
  ptx::bar_warp_sync();
  const int chunk = lane() % kChunks;
  uint16_t* target = unit.rows(to) + (first + lane() / kChunks) * to.position + chunk * 8;
  NF_UNROLL for (int i = 0; i < kTile / kRowsAtOnce; ++i) {
    const int row = i * kRowsAtOnce + lane() / kChunks;
    if (first + row < count) ptx::st_global_v4(target, ptx::ld_shared_v4(stage.chunk(row, chunk)));
    target += kRowsAtOnce * to.position;
  }
  ptx::bar_warp_sync();
}

}  // namespace
}  // namespace nextframe
