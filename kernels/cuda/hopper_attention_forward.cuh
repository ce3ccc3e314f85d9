// Flash attention forward with warp groups; see hopper_attention.cuh.
#pragma once

#include "kernels/cuda/flash_attention_forward.cuh"
#include "kernels/cuda/hopper_attention.cuh"

namespace nextframe {
namespace {

template <class Half, int kHeadDim>
using HopperForward =
    HopperShape<Half, kHeadDim, 1, hopper_other_rows(HopperKernel::forward, kHeadDim)>;

/// As RunningSoftmax, but results are scaled by `shrink` later: they may still be on their way.
struct LateSoftmax : RunningSoftmax<1> {
  float shrink[2];

  template <int kBlocks>
  NF_DEVICE void add(float (&scores)[1][kBlocks][4], float scale) {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      float largest = maximum[0][half];
      NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
        largest = fmaxf(largest, scores[0][i / 2][2 * half + i % 2]);
      }
      largest = maximum_of_row(largest);
      shrink[half] = ptx::ex2((maximum[0][half] - largest) * scale);
      maximum[0][half] = largest;
      const float offset = largest == kUnseen ? 0 : largest * scale;
      float total = 0;
      NF_UNROLL for (int i = 0; i < 2 * kBlocks; ++i) {
        float& score = scores[0][i / 2][2 * half + i % 2];
        score = ptx::ex2(score * scale - offset);
        total += score;
      }
      sum[0][half] = sum[0][half] * shrink[half] + total;
    }
  }
  template <int kBlocks>
  NF_DEVICE void scale_results(float (&results)[1][kBlocks][4]) const {
    NF_UNROLL for (int i = 0; i < 4 * kBlocks; ++i) results[0][i / 4][i % 4] *= shrink[i % 4 / 2];
  }
};

/// While a tile's scores become shares, the results of the one before are still being multiplied.
template <class Shape>
NF_DEVICE void multiply_forward(const FlashAttentionCall& call, int num_tiles,
                                typename Shape::Sums& sums, LateSoftmax& softmax) {
  using Half = typename Shape::Half;
  const float scale = call.scale * kLog2OfE;
  const auto query = [] { return Shape::own(0, group()); };
  typename Shape::Scores scores = {};
  typename Shape::Shares shares;
  ptx::mbarrier_wait(Shape::own_full(), 0);
  if (num_tiles == 0) return;
  wait_for<Shape>(0, 0);
  ptx::wgmma_fence(scores[0]);
  start_rows<Half>(scores[0], query(), Shape::other(0, 0));
  ptx::wgmma_commit();
  ptx::wgmma_wait<0>(scores[0]);
  release<Shape>(0, 0);
  hide_unseen_of<Shape>(scores, 0);
  softmax.add(scores, scale);
  round_all<Half>(shares, scores[0]);
  for (int i = 1; i < num_tiles; ++i) {
    wait_for<Shape>(i, 0);
    ptx::wgmma_fence(scores[0]);
    start_rows<Half>(scores[0], query(), Shape::other(i, 0));
    ptx::wgmma_commit();
    wait_for<Shape>(i - 1, 1);
    ptx::wgmma_fence(sums[0], shares);
    start_shares<Half>(sums[0], shares, Shape::other(i - 1, 1));
    ptx::wgmma_commit();
    ptx::wgmma_wait<1>(scores[0]);
    release<Shape>(i, 0);
    hide_unseen_of<Shape>(scores, i);
    softmax.add(scores, scale);
    ptx::wgmma_wait<0>(sums[0], scores[0], shares);
    release<Shape>(i - 1, 1);
    softmax.scale_results(sums);
    round_all<Half>(shares, scores[0]);
  }
  wait_for<Shape>(num_tiles - 1, 1);
  ptx::wgmma_fence(sums[0], shares);
  start_shares<Half>(sums[0], shares, Shape::other(num_tiles - 1, 1));
  ptx::wgmma_commit();
  ptx::wgmma_wait<0>(sums[0]);
}

template <class Shape>
NF_DEVICE void hopper_attention_forward(const HopperAttentionCall& all) {
  const FlashAttentionCall& call = all.flash;
  const auto place_of = [&] { return FlashPlace::of(call, call.queries, Shape::kRows, true); };
  const auto place = place_of();
  const FlashTiles tiles =
      FlashTiles::of_keys(call.mask, place.first, place.last(Shape::kRows), Shape::kOther);
  const HopperSources sources{{&all.query.own}, {&all.key.other, &all.value.other}, nullptr};
  const auto seen = [&](int row, int which) {
    return which == 0 ? call.mask.seen(place.first + row) : call.mask.sink(place.first + row);
  };
  run_roles<Shape>(sources, place, tiles, seen, [&](int num_tiles) {
    typename Shape::Sums sums = {};
    LateSoftmax softmax;
    multiply_forward<Shape>(call, num_tiles, sums, softmax);
    const auto here = place_of();
    softmax.finish(sums, call.scale * kLog2OfE,
                   call.log_sums + int64_t{here.unit_number} * call.padded_queries + here.first,
                   here.count);
    write_rows_of<Shape>(call.result, here, call.queries, sums, 0);
  });
}

}  // namespace
}  // namespace nextframe
