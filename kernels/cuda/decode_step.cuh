// Decoding in time: in each of very many sequences, one new token's key and value join the KV
// cache, and its query attends to the newest slots.
//
//   keeps  k' = turned(k / rms(k)) and v;  o = softmax(scale q' K^T) V over what is seen
//
// A warp answers one unit, one head of one sequence: a few lanes have a row, so several rows are
// read at once, 16 bytes a lane and load, and each group of lanes has a softmax of its own, joined
// at the end. The new row is taken from registers. Rows are numbered from the oldest, so bits do
// not depend on where in the ring they lie, nor on other units.
//
// Bound: memory; of a unit that sees T slots 4 T D bytes move, and 12 D of the new row and the
// result. Not measured.
#pragma once

#include "kernels/cuda/attention_passes.cuh"
#include "kernels/cuda/decode_attention_call.h"

namespace nextframe {
namespace {

constexpr int kDecodeThreads = 128;
constexpr float kNoScore = -1e30f;  // less than any

/// One lane's share of the softmax of its group's rows.
struct RunningRow {
  float maximum = kNoScore, sum = 0;
  float mixed[16] = {};

  /// A row of this score, in powers of two.
  template <class Part>
  NF_DEVICE void add(float score, const Part& value) {
    const float largest = fmaxf(maximum, score);
    const float shrink = ptx::ex2(maximum - largest), share = ptx::ex2(score - largest);
    maximum = largest;
    sum = sum * shrink + share;
    NF_UNROLL for (int i = 0; i < 16; ++i) {
      mixed[i] = mixed[i] * shrink + share * value.values[i / 8][i % 8];
    }
  }

  /// With the rows of the group whose lanes are `mask` away; both get the same.
  NF_DEVICE void join(uint32_t mask) {
    const float largest = fmaxf(maximum, ptx::shfl_xor(maximum, mask));
    const float shrink = ptx::ex2(maximum - largest);
    maximum = largest;
    sum *= shrink;
    sum += ptx::shfl_xor(sum, mask);
    NF_UNROLL for (int i = 0; i < 16; ++i) {
      mixed[i] *= shrink;
      mixed[i] += ptx::shfl_xor(mixed[i], mask);
    }
  }
};

/// As the ring keeps it.
template <class Half, int kHeadDim>
NF_DEVICE void round_part(RowPart<Half, kHeadDim>& part) {
  NF_UNROLL for (int i = 0; i < 16; i += 2) {
    float* pair = &part.values[i / 8][i % 8];
    const ptx::Float2 rounded = ptx::cvt_unpack(Half(), ptx::cvt_pack(Half(), pair[0], pair[1]));
    pair[0] = rounded.x, pair[1] = rounded.y;
  }
}

/// A query or key of the new token, placed and rounded.
template <class Half, int kHeadDim>
NF_DEVICE RowPart<Half, kHeadDim> new_row(const DecodeStepCall& call, const uint16_t* row) {
  RowPart<Half, kHeadDim> part;
  part.load(row);
  if (call.normalise) part.scale(part.inverse_rms(call.epsilon));
  if (call.cosine != nullptr) part.turn(call, 0, 1);
  round_part(part);
  return part;
}

template <class Half, int kHeadDim>
NF_DEVICE void decode_step(const DecodeStepCall& call) {
  using Part = RowPart<Half, kHeadDim>;
  constexpr int kRowsAtOnce = kWarp / Part::kLanes;
  constexpr uint32_t kWarps = kDecodeThreads / kWarp;
  const int group = lane() / Part::kLanes, seen = call.ring.seen;
  const float scale = call.scale * 1.44269504f;  // log2(e)
  for (uint32_t number = ptx::ctaid() * kWarps + static_cast<uint32_t>(warp()); number < call.units;
       number += ptx::nctaid() * kWarps) {
    const Unit unit = Unit::of(call, number);
    const Part query = new_row<Half, kHeadDim>(call, unit.rows(call.query));
    const Part own_key = new_row<Half, kHeadDim>(call, unit.rows(call.key));
    Part own_value;
    own_value.load(unit.rows(call.value));
    uint16_t *keys = unit.rows(call.ring.key), *values = unit.rows(call.ring.value);
    const auto slot_of = [&](int i) -> int64_t {
      const int slot = call.ring.oldest + i;
      return slot < call.ring.slots ? slot : slot - call.ring.slots;
    };
    if (group == 0) {
      own_key.store(keys + slot_of(seen - 1) * call.ring.key.position);
      own_value.store(values + slot_of(seen - 1) * call.ring.value.position);
    }
    RunningRow row;
    for (int first = 0; first < seen; first += kRowsAtOnce) {
      const int i = first + group;
      Part key = own_key, value = own_value;
      if (i < seen - 1) {
        key.load(keys + slot_of(i) * call.ring.key.position);
        value.load(values + slot_of(i) * call.ring.value.position);
      }
      const float score = query.product(key) * scale;
      if (i < seen) row.add(score, value);
    }
    NF_UNROLL for (uint32_t mask = Part::kLanes; mask < kWarp; mask *= 2) row.join(mask);
    Part result;
    const float inverse = ptx::rcp(row.sum);
    NF_UNROLL for (int i = 0; i < 16; ++i) result.values[i / 8][i % 8] = row.mixed[i] * inverse;
    if (group == 0) result.store(unit.rows(call.result));
  }
}

}  // namespace
}  // namespace nextframe
