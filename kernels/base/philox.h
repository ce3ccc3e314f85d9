// Counter-based random numbers (Philox): the same key and counter give the same bits on any rank,
// thread or device.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define NF_HOST_DEVICE __host__ __device__
#else
#define NF_HOST_DEVICE
#endif

namespace nextframe {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
struct Philox {
  uint32_t value[4];

  NF_HOST_DEVICE Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high)
      : value{static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
              static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)} {
    auto key_0 = static_cast<uint32_t>(key), key_1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t product_0 = uint64_t{0xD2511F53u} * value[0];
      const uint64_t product_1 = uint64_t{0xCD9E8D57u} * value[2];
      const uint32_t next_0 = static_cast<uint32_t>(product_1 >> 32) ^ value[1] ^ key_0;
      const uint32_t next_2 = static_cast<uint32_t>(product_0 >> 32) ^ value[3] ^ key_1;
      value[0] = next_0;
      value[1] = static_cast<uint32_t>(product_1);
      value[2] = next_2;
      value[3] = static_cast<uint32_t>(product_0);
      key_0 += 0x9E3779B9u;
      key_1 += 0xBB67AE85u;
    }
  }
};

/// Mixes words into one 64-bit key (SplitMix64's finalizer, Steele et al. 2014).
NF_HOST_DEVICE inline uint64_t mix_key(uint64_t a, uint64_t b) {
  uint64_t z = a + 0x9E3779B97F4A7C15ull * (b + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

/// 24 random bits as a float in [0, 1).
NF_HOST_DEVICE inline float uniform_from_bits(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

/// What a random draw is keyed by, besides its sample id: never a rank, never the order of calls.
struct Draw {
  uint64_t seed = 0;
  uint64_t step = 0;  // of training; evaluation uses its own seeds
};

/// The purpose of a draw, so that two purposes never share bits.
enum class DrawStream : uint64_t {
  parameters = 1,
  noise_level = 2,
  noise = 3,
  dropout = 4,
  rollout = 5,
  world = 6,
  own_past = 7,
  known_frames = 8,
  hidden = 10,
  codes = 11,
  task = 12,
  projection = 13
};

/// The part of the key that all samples share: draw_key is mix_key(this, sample id).
NF_HOST_DEVICE inline uint64_t draw_key_of_all(const Draw& draw, DrawStream stream) {
  return mix_key(mix_key(draw.seed, static_cast<uint64_t>(stream)), draw.step);
}

/// The Philox key of (seed, stream, step, sample id); the counter counts the values drawn.
NF_HOST_DEVICE inline uint64_t draw_key(const Draw& draw, DrawStream stream, uint64_t sample_id) {
  return mix_key(draw_key_of_all(draw, stream), sample_id);
}

}  // namespace nextframe
