#include "kernels/base/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace nextframe {
namespace {

std::array<uint32_t, 4> words(const Philox& block) {
  return {block.value[0], block.value[1], block.value[2], block.value[3]};
}

// The known answers that Salmon et al. publish with Random123 (kat_vectors, philox4x32-10).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(words(Philox(0, 0, 0)),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(Philox(~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0})),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(Philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e)),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, UniformsAreAtLeastZeroAndBelowOne) {
  EXPECT_EQ(uniform_from_bits(0), 0.0f);
  EXPECT_EQ(uniform_from_bits(~0u), 1.0f - 0x1p-24f);
}

TEST(DrawKey, ChangesWithEachOfItsParts) {
  std::set<uint64_t> keys;
  for (uint64_t seed : {0, 1}) {
    for (uint64_t step : {0, 1}) {
      for (auto stream : {DrawStream::noise, DrawStream::noise_level}) {
        for (uint64_t id : {0, 1}) keys.insert(draw_key({seed, step}, stream, id));
      }
    }
  }
  EXPECT_EQ(keys.size(), 16u);
}

}  // namespace
}  // namespace nextframe
