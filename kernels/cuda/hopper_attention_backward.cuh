// Flash attention backward with warp groups, for keys and values and for queries; see
// hopper_attention.cuh.
#pragma once

#include "kernels/cuda/flash_attention_backward.cuh"
#include "kernels/cuda/hopper_attention.cuh"

namespace nextframe {
namespace {

template <class Half, int kHeadDim>
using HopperKeys =
    HopperShape<Half, kHeadDim, 2, hopper_other_rows(HopperKernel::keys_backward, kHeadDim), true>;
template <class Half, int kHeadDim>
using HopperQueries =
    HopperShape<Half, kHeadDim, 2, hopper_other_rows(HopperKernel::queries_backward, kHeadDim)>;

/// Scores of own rows with the i-th tile, and of the second matrices of both with each other.
template <class Shape>
NF_DEVICE void multiply_both(typename Shape::Scores& scores, typename Shape::Scores& slopes,
                             int i) {
  using Half = typename Shape::Half;
  wait_for<Shape>(i, 0);
  ptx::wgmma_fence(scores[0]);
  start_rows<Half>(scores[0], Shape::own(0, group()), Shape::other(i, 0));
  ptx::wgmma_commit();
  wait_for<Shape>(i, 1);
  ptx::wgmma_fence(slopes[0]);
  start_rows<Half>(slopes[0], Shape::own(1, group()), Shape::other(i, 1));
  ptx::wgmma_commit();
  ptx::wgmma_wait<1>(scores[0]);
  hide_unseen_of<Shape>(scores, i);
  ptx::wgmma_wait<0>(scores[0], slopes[0]);
}

/// Own rows are keys, the others queries.
template <class Shape>
NF_DEVICE void hopper_attention_keys_backward(const HopperAttentionCall& all) {
  using Half = typename Shape::Half;
  const FlashAttentionCall& call = all.flash;
  const int keys = static_cast<int>(call.mask.keys);
  const auto place_of = [&] { return FlashPlace::of(call, keys, Shape::kRows, false); };
  const auto place = place_of();
  const FlashTiles tiles = FlashTiles::of_queries(call.mask, place.first, place.last(Shape::kRows),
                                                  call.queries, Shape::kOther);
  const HopperSources sources{
      {&all.key.own, &all.value.own}, {&all.query.other, &all.grad.other}, &all.terms};
  const auto seen = [&](int row, int which) {
    return which == 0 ? call.mask.seen_by(place.first + row, call.queries) : KeyInterval{0, 0};
  };
  run_roles<Shape>(sources, place, tiles, seen, [&](int num_tiles) {
    typename Shape::Sums grad_key = {}, grad_value = {};
    typename Shape::Scores scores, slopes;
    typename Shape::Shares shares, rounded_slopes;
    ptx::mbarrier_wait(Shape::own_full(), 0);
    for (int i = 0; i < num_tiles; ++i) {
      multiply_both<Shape>(scores, slopes, i);
      TileTerms<Shape>{Shape::terms(i)}.apply(scores, slopes, call.scale * kLog2OfE);
      round_all<Half>(shares, scores[0]);
      round_all<Half>(rounded_slopes, slopes[0]);
      ptx::wgmma_fence(grad_key[0], grad_value[0], shares, rounded_slopes);
      start_shares<Half>(grad_value[0], shares, Shape::other(i, 1));
      start_shares<Half>(grad_key[0], rounded_slopes, Shape::other(i, 0));
      ptx::wgmma_commit();
      ptx::wgmma_wait<0>(grad_key[0], grad_value[0]);
      ptx::bar_warp_sync();  // all lanes have read the terms
      release<Shape>(i, 0);
      release<Shape>(i, 1);
    }
    scale_all(grad_key, call.scale);
    const auto here = place_of();
    write_rows_of<Shape>(call.grad_value, here, keys, grad_value, 1);
    write_rows_of<Shape>(call.grad_key, here, keys, grad_key, 0);
  });
}

/// Own rows are queries, the others keys.
template <class Shape>
NF_DEVICE void hopper_attention_queries_backward(const HopperAttentionCall& all) {
  using Half = typename Shape::Half;
  const FlashAttentionCall& call = all.flash;
  const auto place_of = [&] { return FlashPlace::of(call, call.queries, Shape::kRows, true); };
  const auto place = place_of();
  const FlashTiles tiles =
      FlashTiles::of_keys(call.mask, place.first, place.last(Shape::kRows), Shape::kOther);
  const HopperSources sources{
      {&all.query.own, &all.grad.own}, {&all.key.other, &all.value.other}, nullptr};
  const auto seen = [&](int row, int which) {
    return which == 0 ? call.mask.seen(place.first + row) : call.mask.sink(place.first + row);
  };
  run_roles<Shape>(sources, place, tiles, seen, [&](int num_tiles) {
    // Asked for where it is used, so that it fills no registers across the loop.
    const auto own_terms = [&] {
      const auto here = place_of();
      return call.row_terms + (int64_t{here.unit_number} * call.padded_queries + here.first) * 2;
    };
    typename Shape::Sums sums = {};
    typename Shape::Scores scores, slopes;
    typename Shape::Shares rounded_slopes;
    ptx::mbarrier_wait(Shape::own_full(), 0);
    for (int i = 0; i < num_tiles; ++i) {
      multiply_both<Shape>(scores, slopes, i);
      release<Shape>(i, 1);
      OwnTerms<Shape>(own_terms()).apply(scores, slopes, call.scale * kLog2OfE);
      round_all<Half>(rounded_slopes, slopes[0]);
      ptx::wgmma_fence(sums[0], rounded_slopes);
      start_shares<Half>(sums[0], rounded_slopes, Shape::other(i, 0));
      ptx::wgmma_commit();
      ptx::wgmma_wait<0>(sums[0]);
      release<Shape>(i, 0);
    }
    scale_all(sums, call.scale);
    const auto here = place_of();
    write_rows_of<Shape>(call.grad_query, here, call.queries, sums, 0);
  });
}

}  // namespace
}  // namespace nextframe
