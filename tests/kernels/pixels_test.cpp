#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "kernels/patchify.h"

namespace nextframe {
namespace {

TEST(Pixels, EveryByteComesBack) {
  const auto bytes = at::arange(256, at::kByte);
  const auto pixels = pixels_from_bytes(bytes);
  EXPECT_EQ(pixels.min().item<float>(), -1.0f);
  EXPECT_EQ(pixels.max().item<float>(), 1.0f);
  EXPECT_TRUE(at::equal(unit_range(pixels).mul(255).round().to(at::kByte), bytes));
}

TEST(Pixels, OutsideTheRangeIsCutOff) {
  EXPECT_TRUE(
      at::equal(unit_range(at::tensor({-3.0f, 0.0f, 3.0f})), at::tensor({0.0f, 0.5f, 1.0f})));
}

TEST(Pixels, FramesThatAreNotBytesAreRefused) {
  EXPECT_THROW(pixels_from_bytes(at::zeros({2})), c10::Error);
}

}  // namespace
}  // namespace nextframe
