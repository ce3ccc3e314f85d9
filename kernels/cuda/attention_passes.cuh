// Flash attention's passes over single rows: QK-norm and RoPE before the products, their gradients
// after them, and the dot product of a row's result with its gradient.
//
// Two lanes' worth of 16 bytes a lane: values i and i + head_dim / 2, which turn together, meet in
// one lane.
//
// Bound: memory; 4 D bytes a row placed, 6 D carried back, 4 D multiplied. Not measured.
#pragma once

#include "kernels/cuda/attention_rows.cuh"
#include "kernels/cuda/flash_attention_call.h"

namespace nextframe {
namespace {

constexpr int kPassThreads = 256;

/// A lane's share of a row: eight values in the lower half, eight in the upper.
template <class Half, int kHeadDim>
struct RowPart {
  static constexpr int kLanes = kHeadDim / 16;  // of a row

  float values[2][8];

  NF_DEVICE static int number() { return static_cast<int>(ptx::tid()) % kLanes; }

  /// `is_written`: by this lane, later.
  NF_DEVICE void load(const uint16_t* row, bool is_written = false) {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      const uint16_t* from = row + half * kHeadDim / 2 + number() * 8;
      const auto words = is_written ? ptx::ld_global_v4(from) : ptx::ld_global_nc_v4(from);
      NF_UNROLL for (int i = 0; i < 4; ++i) {
        const ptx::Float2 pair = ptx::cvt_unpack(Half(), words.word[i]);
        values[half][2 * i] = pair.x, values[half][2 * i + 1] = pair.y;
      }
    }
  }
  NF_DEVICE void store(uint16_t* row) const {
    NF_UNROLL for (int half = 0; half < 2; ++half) {
      ptx::Word4 words;
      NF_UNROLL for (int i = 0; i < 4; ++i) {
        words.word[i] = ptx::cvt_pack(Half(), values[half][2 * i], values[half][2 * i + 1]);
      }
      ptx::st_global_v4(row + half * kHeadDim / 2 + number() * 8, words);
    }
  }

  /// Summed over the row.
  NF_DEVICE float product(const RowPart& other) const {
    float sum = 0;
    NF_UNROLL for (int i = 0; i < 16; ++i) sum += values[i / 8][i % 8] * other.values[i / 8][i % 8];
    NF_UNROLL for (int mask = 1; mask < kLanes; mask *= 2) {
      sum += ptx::shfl_xor(sum, static_cast<uint32_t>(mask));
    }
    return sum;
  }
  NF_DEVICE float inverse_rms(float epsilon) const {
    return ptx::rsqrt(product(*this) * (1.0f / kHeadDim) + epsilon);
  }
  NF_DEVICE void scale(float by) {
    NF_UNROLL for (int i = 0; i < 16; ++i) values[i / 8][i % 8] *= by;
  }

  /// By the angles of a position; back if `sign` is -1.
  template <class Call>
  NF_DEVICE void turn(const Call& call, int64_t position, float sign) {
    const int64_t first = position * (kHeadDim / 2) + number() * 8;
    NF_UNROLL for (int i = 0; i < 4; ++i) {
      const ptx::Float2 c = ptx::ld_global_nc(call.cosine + first + 2 * i);
      const ptx::Float2 s = ptx::ld_global_nc(call.sine + first + 2 * i);
      turn_pair(2 * i, c.x, sign * s.x);
      turn_pair(2 * i + 1, c.y, sign * s.y);
    }
  }

 private:
  NF_DEVICE void turn_pair(int i, float cosine, float sine) {
    const float low = values[0][i], high = values[1][i];
    values[0][i] = low * cosine - high * sine;
    values[1][i] = high * cosine + low * sine;
  }
};

/// The rows of a lane's, one after another: with the head fastest, then inner, as they mostly lie.
struct PassRow {
  Unit unit;
  uint32_t position;
  bool is_there;  // lanes go on with their warp: they then have the last row again

  NF_DEVICE static PassRow of(const AttentionRowsCall& call, uint64_t number) {
    const bool is_there = number < call.rows;
    uint32_t rest = is_there ? static_cast<uint32_t>(number) : call.rows - 1;
    const uint32_t head = rest % call.heads;
    rest /= call.heads;
    const uint32_t inner = rest % call.inner;
    rest /= call.inner;
    return {{rest / call.positions, inner, head}, rest % call.positions, is_there};
  }
  NF_DEVICE uint16_t* in(const AttentionOperand& of) const {
    return unit.rows(of) + position * of.position;
  }
};

/// Calls `act` with every row of this lane's.
template <int kLanes, class Act>
NF_DEVICE void for_rows(const AttentionRowsCall& call, const Act& act) {
  constexpr uint32_t kRowsAtOnce = kPassThreads / kLanes;
  for (uint64_t first = uint64_t{ptx::ctaid()} * kRowsAtOnce; first < call.rows;
       first += uint64_t{ptx::nctaid()} * kRowsAtOnce) {
    act(PassRow::of(call, first + ptx::tid() / kLanes));
  }
}

/// to = turned(from / rms(from)).
template <class Half, int kHeadDim>
NF_DEVICE void place_rows(const AttentionRowsCall& call) {
  using Part = RowPart<Half, kHeadDim>;
  for_rows<Part::kLanes>(call, [&](const PassRow& row) {
    Part x;
    x.load(row.in(call.from));
    if (call.normalise) x.scale(x.inverse_rms(call.epsilon));
    if (call.cosine != nullptr) {
      x.turn(call, int64_t{call.first_position} + row.position, 1);
    }
    if (row.is_there) x.store(row.in(call.to));
  });
}

/// In place, of `to`: from the gradient g of y = turned(x / rms(x)) to that of x, which is `from`.
/// With h = turned back(g) and n = x / rms(x): (h - n mean(h n)) / rms(x).
template <class Half, int kHeadDim>
NF_DEVICE void carry_rows_back(const AttentionRowsCall& call) {
  using Part = RowPart<Half, kHeadDim>;
  for_rows<Part::kLanes>(call, [&](const PassRow& row) {
    Part grad;
    grad.load(row.in(call.to), true);
    if (call.cosine != nullptr) {
      grad.turn(call, int64_t{call.first_position} + row.position, -1);
    }
    if (call.normalise) {
      Part x;
      x.load(row.in(call.from));
      const float inverse = x.inverse_rms(call.epsilon);
      x.scale(inverse);
      const float mean = grad.product(x) * (1.0f / kHeadDim);
      NF_UNROLL for (int i = 0; i < 16; ++i) {
        grad.values[i / 8][i % 8] -= x.values[i / 8][i % 8] * mean;
      }
      grad.scale(inverse);
    }
    if (row.is_there) grad.store(row.in(call.to));
  });
}

/// Row terms: the logarithm of a row's sum, and `from` times `to`, result and gradient. Positions
/// behind the last have a row too, which weighs nothing.
template <class Half, int kHeadDim>
NF_DEVICE void make_row_terms(const AttentionRowsCall& call) {
  using Part = RowPart<Half, kHeadDim>;
  for_rows<Part::kLanes>(call, [&](const PassRow& row) {
    const uint32_t unit =
        (row.unit.outer * call.inner + row.unit.inner) * call.heads + row.unit.head;
    const int64_t at = int64_t{unit} * call.positions + row.position;
    PassRow there = row;
    there.position = row.position < call.real_positions ? row.position : call.real_positions - 1;
    Part result, grad;
    result.load(there.in(call.from));
    grad.load(there.in(call.to));
    const float product = result.product(grad);
    if (row.is_there && Part::number() == 0) {
      ptx::st_global_f32(call.row_terms + at * 2, ptx::ld_global_nc_f32(call.log_sums + at));
      ptx::st_global_f32(call.row_terms + at * 2 + 1,
                         row.position < call.real_positions ? product : 0.0f);
    }
  });
}

}  // namespace
}  // namespace nextframe
