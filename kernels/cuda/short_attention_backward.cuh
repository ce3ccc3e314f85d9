// Short attention backward. short_attention.cuh says what it computes and what bounds it.
#pragma once

#include "kernels/cuda/short_attention.cuh"

namespace nextframe {
namespace {

/// P and dS of this warp's queries, the latter into registers too.
template <class Shape>
NF_DEVICE void shares_and_slopes(typename Shape::Scores& slopes, typename Shape::Rows query,
                                 typename Shape::Rows key, typename Shape::Rows grad,
                                 typename Shape::Rows value, uint32_t visible, float scale) {
  using Half = typename Shape::Half;
  typename Shape::Scores shares = {};
  multiply_rows<Half, Shape::kTiles>(shares, query, key);
  softmax(shares, visible, scale);
  multiply_rows<Half, Shape::kTiles>(slopes, grad, value);
  softmax_backward(shares, slopes);
  const int first = warp() * kTile;
  store_rows<Half>(Shape::shares(0).from_row(first), shares);
  store_rows<Half>(Shape::shares(1).from_row(first), slopes);
}

/// sums = shares^T rows for this warp's 16 keys, over all queries.
template <class Shape>
NF_DEVICE void multiply_transposed(typename Shape::Sums& sums, typename Shape::Shares shares,
                                   typename Shape::Rows rows) {
  NF_UNROLL for (int tile = 0; tile < Shape::kTiles; ++tile) {
    uint32_t left[4];
    load_transposed(left, shares.from_row(tile * kTile), warp());
    multiply<typename Shape::Half>(sums, left, rows.from_row(tile * kTile));
  }
}

template <class Shape>
NF_DEVICE void short_attention_backward(const ShortAttentionCall& call) {
  using Half = typename Shape::Half;
  using Sums = typename Shape::Sums;
  const int queries = call.queries, keys = static_cast<int>(call.mask.keys);
  const int first_query = static_cast<int>(call.mask.first_query), first = warp() * kTile;
  const bool places = call.normalise || call.cosine != nullptr;
  const uint32_t visible = visible_scores<Shape::kTiles>(call);

  for (uint32_t number = ptx::ctaid(); number < call.units; number += ptx::nctaid()) {
    const Unit unit = Unit::of(call, number);
    const auto query = Shape::rows(0), key = Shape::rows(1), value = Shape::rows(2),
               grad = Shape::rows(3);
    copy_rows<Shape::kTiles>(query, call.query, unit, queries);
    copy_rows<Shape::kTiles>(key, call.key, unit, keys);
    ptx::cp_async_commit();
    copy_rows<Shape::kTiles>(grad, call.result, unit, queries);
    copy_rows<Shape::kTiles>(value, call.value, unit, keys);
    ptx::cp_async_commit();

    PlacedRows<Half, Shape::kHeadDim> own_queries(query, warp(), first_query, queries);
    PlacedRows<Half, Shape::kHeadDim> own_keys(key, warp(), 0, keys);
    if (places) {
      ptx::cp_async_wait<1>();  // values and gradients may still be on their way
      Shape::meet();
      own_queries.place(call);
      own_keys.place(call);
    }
    ptx::cp_async_wait<0>();
    Shape::meet();
    typename Shape::Scores slopes = {};
    shares_and_slopes<Shape>(slopes, own_queries.rows, key, grad.from_row(first), value, visible,
                             call.scale * kLog2E);
    Shape::meet();  // all have written P and dS, and none reads values any more

    const auto stage = value.from_row(first);
    {
      Sums sums = {};
      NF_UNROLL for (int tile = 0; tile < Shape::kTiles; ++tile) {
        uint32_t left[4];
        round_left<Half>(left, slopes, tile);
        multiply<Half>(sums, left, key.from_row(tile * kTile));
      }
      scale_sums(sums, call.scale);
      own_queries.carry_back(call, sums);
      write_rows<Half>(call.grad_query, unit, first, queries, sums, stage);
    }
    {
      Sums sums = {};
      multiply_transposed<Shape>(sums, Shape::shares(0), grad);
      write_rows<Half>(call.grad_value, unit, first, keys, sums, stage);
    }
    {
      Sums sums = {};
      multiply_transposed<Shape>(sums, Shape::shares(1), query);
      scale_sums(sums, call.scale);
      own_keys.carry_back(call, sums);
      write_rows<Half>(call.grad_key, unit, first, keys, sums, stage);
    }
    Shape::meet();  // before the next unit's rows come
  }
}

}  // namespace
}  // namespace nextframe
