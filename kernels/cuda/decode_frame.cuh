// Decoding of a whole frame: tiles of its tokens' queries attend to the same slots of a KV cache.
// The products are those of flash attention forward; keys are read from the oldest slot on, around
// the ring buffer's end.
//
// Where the ring is long a few tiles of queries would leave most of a GPU idle: keys are answered
// in parts of kDecodePartKeys, a block each, and joined by a second kernel, part after part.
//
// Bound: tensor cores, or memory where few queries meet many keys; 4 D operations a query and key,
// 4 D bytes a key, and 8 D more a query and part. Not measured.
#pragma once

#include "kernels/cuda/attention_passes.cuh"
#include "kernels/cuda/decode_attention_call.h"
#include "kernels/cuda/flash_attention_forward.cuh"
#include "kernels/cuda/values.cuh"

namespace nextframe {
namespace {

/// As flash attention's, but with fewer keys at once where registers would not hold them.
template <class Half, int kHeadDim>
using DecodeFrameShape = FlashShape<Half, kHeadDim, 2, kHeadDim == 128 ? 32 : 64>;

/// The block starts to copy rows number [first, first + kRows) of what is seen; zeros for those
/// from `end` on.
template <int kRows, int kHeadDim>
NF_DEVICE void copy_ring_tile(SharedMatrix<kHeadDim> to, const uint16_t* from, int64_t stride,
                              const RingOperand& ring, int first, int end) {
  constexpr int kChunks = kHeadDim / 8, kRowsAtOnce = kFlashThreads / kChunks;
  const int thread = static_cast<int>(ptx::tid()), chunk = thread % kChunks;
  NF_UNROLL for (int i = 0; i < kRows / kRowsAtOnce; ++i) {
    const int row = i * kRowsAtOnce + thread / kChunks, number = first + row;
    const int slot = ring.oldest + number, around = slot < ring.slots ? slot : slot - ring.slots;
    ptx::cp_async_16(to.chunk(row, chunk), from + around * stride + chunk * 8, number < end);
  }
}

/// Which queries of which unit a block answers, with which part of the keys.
struct DecodePlace {
  uint32_t unit_number, part;
  Unit unit;
  int first;  // query

  NF_DEVICE static DecodePlace of(const DecodeFrameCall& call, int tile_rows) {
    const uint32_t block = ptx::ctaid(), number = block % call.units, rest = block / call.units;
    const auto tiles = static_cast<uint32_t>((call.queries + tile_rows - 1) / tile_rows);
    return {number, rest / tiles, Unit::of(call, number),
            static_cast<int>(rest % tiles) * tile_rows};
  }
  /// The row of the first query among those of all parts.
  NF_DEVICE int64_t part_row(const DecodeFrameCall& call) const {
    return (int64_t{part} * call.units + unit_number) * call.padded_queries + first;
  }
};

/// Scores of keys from `end` on; `begin` is the first of the tile.
template <int kParts, int kBlocks>
NF_DEVICE void hide_from(float (&scores)[kParts][kBlocks][4], int begin, int end) {
  NF_UNROLL for (int i = 0; i < 4 * kParts * kBlocks; ++i) {
    float& score = scores[i / (4 * kBlocks)][i / 4 % kBlocks][i % 4];
    const int key = begin + i / 4 % kBlocks * 8 + fragment_column() + i % 2;
    score = key < end ? score : kUnseen;
  }
}

/// A warp writes its rows of sums as they are; those from `count` on are not there.
template <class Shape>
NF_DEVICE void write_part(float* to, int count, const typename Shape::Sums& sums) {
  NF_UNROLL for (int part = 0; part < Shape::kParts; ++part) {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      const int row = (warp() * Shape::kParts + part) * kTile + fragment_row() + 8 * half;
      if (row >= count) continue;
      NF_UNROLL for (int n = 0; n < Shape::kHeadDim / 8; ++n) {
        const float* pair = sums[part][n] + 2 * half;
        memory::store(to + row * Shape::kHeadDim + 8 * n + fragment_column(),
                      memory::Word2{{bits_as<uint32_t>(pair[0]), bits_as<uint32_t>(pair[1])}});
      }
    }
  }
}

template <class Shape>
NF_DEVICE void decode_frame(const DecodeFrameCall& call) {
  using Half = typename Shape::Half;
  constexpr int kRows = Shape::kRows, kOther = Shape::kOther;
  const auto query = [] { return Shape::own(0); };
  const auto key = [] { return Shape::other(1, 0); };
  const auto value = [] { return Shape::other(1, 1); };
  const auto place = DecodePlace::of(call, kRows);
  const int begin = static_cast<int>(place.part) * kDecodePartKeys;
  const int end =
      call.ring.seen < begin + kDecodePartKeys ? call.ring.seen : begin + kDecodePartKeys;
  const uint16_t *keys = place.unit.rows(call.ring.key), *values = place.unit.rows(call.ring.value);
  const auto copy_keys = [&](int first) {
    copy_ring_tile<kOther>(key(), keys, call.ring.key.position, call.ring, first, end);
    ptx::cp_async_commit();
  };
  copy_tile<kRows>(query(), place.unit.rows(call.query), call.query.position, place.first,
                   call.queries);
  copy_keys(begin);

  const float scale = call.scale * kLog2OfE;
  RunningSoftmax<Shape::kParts> softmax;
  typename Shape::Sums sums = {};
  for (int first = begin; first < end; first += kOther) {
    ptx::cp_async_wait<0>();
    ptx::bar_sync();  // keys are here, and all are done with the values before
    copy_ring_tile<kOther>(value(), values, call.ring.value.position, call.ring, first, end);
    ptx::cp_async_commit();
    typename Shape::Scores scores = {};
    multiply_rows<Half>(scores, query().from_row(warp() * Shape::kWarpRows), key());
    if (first + kOther > end) hide_from(scores, first, end);
    ptx::cp_async_wait<0>();
    ptx::bar_sync();  // values are here, and all are done with the keys
    softmax.add(scores, sums, scale);
    if (first + kOther < end) copy_keys(first + kOther);
    multiply_shares<Half>(sums, scores, value());
  }
  const auto here = DecodePlace::of(call, kRows);
  const int64_t row = here.part_row(call);
  softmax.finish(sums, scale, call.part_logs + row, call.queries - here.first);
  if (call.parts == 1) {
    write_own<Shape>(call.result, here.unit, here.first, call.queries, sums, query());
  } else {
    write_part<Shape>(call.part_results + row * Shape::kHeadDim, call.queries - here.first, sums);
  }
}

/// Parts of each query joined in their order: each weighs 2^(its logarithm).
template <class Half, int kHeadDim>
NF_DEVICE void join_parts(const DecodeFrameCall& call) {
  using Part = RowPart<Half, kHeadDim>;
  const auto queries = static_cast<uint32_t>(call.queries);
  const int64_t rows = int64_t{call.units} * queries, first = Part::number() * 8;
  const int64_t part_rows = int64_t{call.units} * call.padded_queries;
  constexpr uint32_t kRowsAtOnce = kPassThreads / Part::kLanes;
  for (int64_t number = int64_t{ptx::ctaid()} * kRowsAtOnce + ptx::tid() / Part::kLanes;
       number < rows; number += int64_t{ptx::nctaid()} * kRowsAtOnce) {
    const uint32_t unit_number = static_cast<uint32_t>(number / queries);
    const int64_t query = number % queries;
    const int64_t row = int64_t{unit_number} * call.padded_queries + query;
    float maximum = kUnseen, total = 0;
    for (int part = 0; part < call.parts; ++part) {
      maximum = fmaxf(maximum, load_one(call.part_logs + part * part_rows + row));
    }
    Part mixed{};
    for (int part = 0; part < call.parts; ++part) {
      const float weight = ptx::ex2(load_one(call.part_logs + part * part_rows + row) - maximum);
      total += weight;
      const float* from = call.part_results + (part * part_rows + row) * kHeadDim + first;
      NF_UNROLL for (int half = 0; half < 2; ++half) {
        float values[8];
        load_whole(values, from + half * kHeadDim / 2);
        NF_UNROLL for (int i = 0; i < 8; ++i) mixed.values[half][i] += weight * values[i];
      }
    }
    mixed.scale(ptx::rcp(total));
    mixed.store(Unit::of(call, unit_number).rows(call.result) + query * call.result.position);
  }
}

}  // namespace
}  // namespace nextframe
