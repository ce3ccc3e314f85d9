#include "data/sampler.h"

#include <bit>

#include "kernels/base/philox.h"

namespace nextframe {
namespace {

constexpr uint64_t kRounds = 8;
constexpr uint64_t kOrderStream = uint64_t{1} << 32;  // apart from every DrawStream

/// A Feistel network is a bijection of [0, 4^half_bits) whatever the round function is.
uint64_t feistel(uint64_t value, int half_bits, uint64_t key) {
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  uint64_t left = value >> half_bits, right = value & mask;
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t mixed = left ^ (mix_key(mix_key(key, round), right) & mask);
    left = right;
    right = mixed;
  }
  return left << half_bits | right;
}

}  // namespace

int64_t permuted_index(int64_t index, int64_t size, uint64_t key) {
  const auto bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(size) - 1));
  const int half_bits = bits > 2 ? (bits + 1) / 2 : 1;
  auto value = static_cast<uint64_t>(index);
  do {  // outside [0, size): walk on along the cycle
    value = feistel(value, half_bits, key);
  } while (value >= static_cast<uint64_t>(size));
  return static_cast<int64_t>(value);
}

int64_t Sampler::clip_at(int64_t slot) const {
  const auto epoch = static_cast<uint64_t>(slot / num_clips_);
  return permuted_index(slot % num_clips_, num_clips_,
                        mix_key(mix_key(seed_, kOrderStream), epoch));
}

}  // namespace nextframe
