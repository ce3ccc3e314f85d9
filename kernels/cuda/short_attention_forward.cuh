// Short attention forward. short_attention.cuh says what it computes and what bounds it.
#pragma once

#include "kernels/cuda/short_attention.cuh"

namespace nextframe {
namespace {

template <class Shape>
NF_DEVICE void short_attention_forward(const ShortAttentionCall& call) {
  using Half = typename Shape::Half;
  const int queries = call.queries, keys = static_cast<int>(call.mask.keys);
  const int first_query = static_cast<int>(call.mask.first_query);
  const bool places = call.normalise || call.cosine != nullptr;
  const uint32_t visible = visible_scores<Shape::kTiles>(call);

  for (uint32_t number = ptx::ctaid(); number < call.units; number += ptx::nctaid()) {
    const Unit unit = Unit::of(call, number);
    const auto query = Shape::rows(0), key = Shape::rows(1), value = Shape::rows(2);
    copy_rows<Shape::kTiles>(query, call.query, unit, queries);
    copy_rows<Shape::kTiles>(key, call.key, unit, keys);
    ptx::cp_async_commit();
    copy_rows<Shape::kTiles>(value, call.value, unit, keys);
    ptx::cp_async_commit();

    PlacedRows<Half, Shape::kHeadDim> own_queries(query, warp(), first_query, queries);
    PlacedRows<Half, Shape::kHeadDim> own_keys(key, warp(), 0, keys);
    ptx::cp_async_wait<1>();  // values may still be on their way
    Shape::meet();
    if (places) {
      own_queries.place(call);
      own_keys.place(call);
      Shape::meet();
    }
    typename Shape::Scores scores = {};
    multiply_rows<Half, Shape::kTiles>(scores, own_queries.rows, key);
    softmax(scores, visible, call.scale * kLog2E);

    ptx::cp_async_wait<0>();
    Shape::meet();
    typename Shape::Sums sums = {};
    NF_UNROLL for (int tile = 0; tile < Shape::kTiles; ++tile) {
      uint32_t shares[4];
      round_left<Half>(shares, scores, tile);
      multiply<Half>(sums, shares, value.from_row(tile * kTile));
    }
    write_rows<Half>(call.result, unit, warp() * kTile, queries, sums, own_queries.rows);
    Shape::meet();  // before the next unit's rows come
  }
}

}  // namespace
}  // namespace nextframe
