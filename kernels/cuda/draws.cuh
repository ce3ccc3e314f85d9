// Random numbers by counter (kernels/draws.h), with the same bits as the CPU's loops
// (kernels/cpu/noise_loops.h, which cites the formulas' sources).
//
// Writes 4 bytes a number; some 60 operations a normal. Fraction of a copy's bandwidth: not
// measured.
#pragma once

#include "kernels/cuda/launches.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

NF_DEVICE Exact exact(float value) { return {value}; }

/// log(x) for x in [2^-24, 1].
NF_DEVICE Exact log_of(Exact x) {
  const auto bits = bits_as<uint32_t>(x.value);
  int32_t exponent = static_cast<int32_t>(bits >> 23) - 126;
  Exact m{bits_as<float>((bits & 0x007FFFFFu) | 0x3F000000u)};  // in [1/2, 1)
  const bool is_small = m.value < 0.70710678f;
  if (is_small) exponent -= 1;
  m = (is_small ? m + m : m) - exact(1.0f);
  const Exact e{static_cast<float>(exponent)}, z = m * m;
  Exact p = m * exact(7.0376836292e-2f) - exact(1.1514610310e-1f);
  p = p * m + exact(1.1676998740e-1f);
  p = p * m - exact(1.2420140846e-1f);
  p = p * m + exact(1.4249322787e-1f);
  p = p * m - exact(1.6668057665e-1f);
  p = p * m + exact(2.0000714765e-1f);
  p = p * m - exact(2.4999993993e-1f);
  p = p * m + exact(3.3333331174e-1f);
  const Exact tail = p * m * z - e * exact(2.12194440e-4f) - z * exact(0.5f);
  return m + tail + e * exact(0.693359375f);
}

/// cos and sin of a whole turn times u in [0, 1).
NF_DEVICE void turn_of(Exact u, Exact& cosine, Exact& sine) {
  const auto quarter = static_cast<int32_t>((u * exact(4.0f) + exact(0.5f)).value);
  const Exact x = (u - exact(static_cast<float>(quarter)) * exact(0.25f)) * exact(6.28318531f);
  const Exact z = x * x;
  const Exact s =
      ((z * exact(-1.9515295891e-4f) + exact(8.3321608736e-3f)) * z - exact(1.6666654611e-1f)) * z *
          x +
      x;
  const Exact c = ((z * exact(2.443315711809948e-5f) - exact(1.388731625493765e-3f)) * z +
                   exact(4.166664568298827e-2f)) *
                      z * z -
                  z * exact(0.5f) + exact(1.0f);
  const auto signed_as = [](Exact value, uint32_t sign) {
    return Exact{bits_as<float>(bits_as<uint32_t>(value.value) ^ sign)};
  };
  const bool is_odd = (quarter & 1) != 0;
  cosine = signed_as(is_odd ? s : c, static_cast<uint32_t>((quarter + 1) & 2) << 30);
  sine = signed_as(is_odd ? c : s, static_cast<uint32_t>(quarter & 2) << 30);
}

/// A thread has a block of four numbers after another.
template <bool kWhole, bool kIsNormal>
struct Draws {
  static constexpr uint32_t kSharedBytes = 0;
  cuda::DrawCall call;

  NF_HOST_DEVICE int64_t blocks_a_row() const { return (call.row_size + 3) / 4; }
  int64_t blocks() const { return blocks_for(call.rows * blocks_a_row(), kBlockThreads); }

  static NF_DEVICE void make_normals(float (&values)[4]) {
    NF_UNROLL for (int pair = 0; pair < 4; pair += 2) {
      const Exact radius = square_root(log_of(exact(1.0f) - exact(values[pair])) * exact(-2.0f));
      Exact cosine, sine;
      turn_of(exact(values[pair + 1]), cosine, sine);
      values[pair] = (cosine * radius).value;
      values[pair + 1] = (sine * radius).value;
    }
  }

  static NF_DEVICE uint64_t load_word(const int64_t* from) {
    return bits_as<uint64_t>(memory::load<memory::Word2>(from));
  }

  NF_DEVICE void operator()() const {
    const Draw draw{load_word(call.draw), load_word(call.draw + 1)};
    const uint64_t key = draw_key_of_all(draw, call.stream);
    for (Walk at(blocks_a_row()); at.row < call.rows; at.step()) {
      const uint64_t id = load_word(call.sample_ids + at.row);
      const Philox block(mix_key(key, id), static_cast<uint64_t>(at.column), 0);
      float values[4];
      NF_UNROLL for (int i = 0; i < 4; ++i) values[i] = uniform_from_bits(block.value[i]);
      if (kIsNormal) make_normals(values);
      const int64_t first = at.column * 4;
      store_some<kWhole>(call.to + at.row * call.row_size + first, values, call.row_size - first);
    }
  }
};

template <class Start>
void start_draw(const cuda::DrawCall& call, const Start& start) {
  if (call.row_size == 0) return;
  if (call.row_size % 4 == 0 && are_aligned(call.to)) {
    return call.is_normal ? start(Draws<true, true>{call}) : start(Draws<true, false>{call});
  }
  call.is_normal ? start(Draws<false, true>{call}) : start(Draws<false, false>{call});
}

}  // namespace
}  // namespace nextframe
