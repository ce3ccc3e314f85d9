#include "data/sampler.h"

#include <algorithm>
#include <bit>
#include <utility>

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

Sampler::Sampler(int64_t num_clips, uint64_t seed)
    : Sampler(std::vector<DataSegment>{{.num_clips = num_clips}}, seed) {}

Sampler::Sampler(std::vector<DataSegment> segments, uint64_t seed)
    : segments_(std::move(segments)), seed_(seed) {}

int64_t Sampler::clip_at(int64_t slot, int64_t epochs_later) const {
  auto segment = segments_.begin();
  while (segment + 1 != segments_.end() && (segment + 1)->from_slot <= slot) ++segment;
  const int64_t clips = segment->num_clips;
  const int64_t place = std::max<int64_t>(slot - segment->from_slot, 0) + epochs_later * clips;
  auto key = mix_key(mix_key(seed_, kOrderStream), static_cast<uint64_t>(place / clips));
  if (segment->from_slot > 0) key = mix_key(key, static_cast<uint64_t>(segment->from_slot));
  return permuted_index(place % clips, clips, key);
}

}  // namespace nextframe
