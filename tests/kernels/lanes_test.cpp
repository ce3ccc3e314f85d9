#include "kernels/cpu/lanes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace nextframe::cpu {
namespace {

NF_ANY_CPU void exp_of(const std::vector<float>& x, std::vector<float>& y) {
  for (size_t i = 0; i < x.size(); i += kLanes) {
    const auto left = static_cast<int64_t>(x.size() - i);
    store(y.data() + i, exp(load(x.data() + i, left)), left);
  }
}

NF_ANY_CPU void round_trip(const std::vector<float>& x, std::vector<c10::BFloat16>& y) {
  for (size_t i = 0; i < x.size(); i += kLanes) {
    const auto left = static_cast<int64_t>(x.size() - i);
    store(y.data() + i, load(x.data() + i, left), left);
  }
}

TEST(Lanes, ExpIsRightToSevenDigits) {
  std::vector<float> x, y;
  for (double value = -86.9; value < 88; value += 0.0137) x.push_back(static_cast<float>(value));
  y.resize(x.size());
  exp_of(x, y);
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i]));
    EXPECT_NEAR(y[i] / expected, 1, 3e-7) << x[i];
  }
}

TEST(Lanes, RoundToBfloat16AsLibTorchDoes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const uint32_t nan_bits = 0x7fffffff;
  float worst_nan;
  std::memcpy(&worst_nan, &nan_bits, sizeof worst_nan);
  std::vector<float> x{0,       -0.0f,  1,         1.00390625f, 1.01171875f, 3.3e38f,
                       3.4e38f, 1e-40f, kInfinity, -kInfinity,  NAN,         worst_nan};
  for (int i = 1; i < 2000; ++i) x.push_back(std::sin(static_cast<float>(i)) * 1e3f);
  std::vector<c10::BFloat16> y(x.size());
  round_trip(x, y);
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) {
      EXPECT_TRUE(std::isnan(static_cast<float>(y[i])));
    } else {
      EXPECT_EQ(y[i].x, c10::BFloat16(x[i]).x) << x[i];
    }
  }
}

}  // namespace
}  // namespace nextframe::cpu
