#include "kernels/rotary.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace nextframe {
namespace {

double angle(const Rotation& rotation, int64_t position, int64_t pair) {
  return std::atan2(rotation.sine_LP[position][pair].item<double>(),
                    rotation.cosine_LP[position][pair].item<double>());
}

TEST(Rotary, TimeTurnsByAFixedStepAFrame) {
  const auto rotation = rotation_in_time(5, 8);
  EXPECT_EQ(rotation.cosine_LP.sizes(), (std::vector<int64_t>{5, 4}));
  EXPECT_NEAR(angle(rotation, 3, 0), 3.0, 1e-6);
  EXPECT_NEAR(angle(rotation, 3, 2), 3.0 * std::pow(100.0, -0.5), 1e-6);
}

TEST(Rotary, SpaceTurnsByRowThenByColumn) {
  const auto rotation = rotation_in_space(/*rows=*/2, /*columns=*/4, 0, 0, /*head_dim=*/8);
  const int64_t second_row = 4 + 1;  // row 1, column 1
  EXPECT_NEAR(angle(rotation, second_row, 0), std::numbers::pi / 2, 1e-6);
  EXPECT_NEAR(std::abs(angle(rotation, second_row, 1)), std::numbers::pi, 1e-6);
  EXPECT_NEAR(angle(rotation, second_row, 2), std::numbers::pi / 4, 1e-6);
  EXPECT_NEAR(std::abs(angle(rotation, second_row, 3)), std::numbers::pi, 1e-6);
}

TEST(Rotary, TokensWithoutAPlaceAreNotTurned) {
  const auto rotation = rotation_in_space(2, 2, /*before=*/2, /*after=*/1, 16);
  ASSERT_EQ(rotation.cosine_LP.size(0), 7);
  for (const int64_t token : {0, 1, 6}) {
    EXPECT_EQ(rotation.cosine_LP[token].min().item<float>(), 1.0f);
    EXPECT_EQ(rotation.sine_LP[token].abs().max().item<float>(), 0.0f);
  }
  EXPECT_LT(rotation.cosine_LP[5].min().item<float>(), 0.5f);
}

}  // namespace
}  // namespace nextframe
