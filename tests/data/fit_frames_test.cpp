#include "data/import/fit_frames.h"

#include <stdexcept>

#include "tests/data/scratch.h"

namespace nextframe {
namespace {

/// One grey frame, white between the columns `left` and `right`.
at::Tensor white_columns(int64_t height, int64_t width, int64_t left, int64_t right) {
  const at::Tensor frames_THWC = at::zeros({1, height, width, 1}, at::kByte);
  frames_THWC.slice(2, left, right).fill_(255);
  return frames_THWC;
}

TEST(FitFrames, ACropKeepsTheMiddle) {
  const at::Tensor wide = white_columns(8, 32, 12, 20);
  const at::Tensor fitted = fit_frames(wide, {4, 4, Fit::crop});
  EXPECT_TRUE(at::equal(fitted, at::full({1, 4, 4, 1}, 255, at::kByte)));
  const at::Tensor high = fit_frames(wide.transpose(1, 2), {4, 4, Fit::crop});
  EXPECT_TRUE(at::equal(high, fitted));
}

TEST(FitFrames, PaddingKeepsEverythingBetweenBlackBars) {
  const at::Tensor fitted = fit_frames(white_columns(8, 32, 0, 32), {16, 16, Fit::pad});
  EXPECT_EQ(fitted.sizes(), at::IntArrayRef({1, 16, 16, 1}));
  const at::Tensor rows = fitted[0].select(1, 3).flatten();
  const at::Tensor expected = at::zeros({16}, at::kByte);
  expected.slice(0, 6, 10).fill_(255);
  EXPECT_TRUE(at::equal(rows, expected)) << rows;
}

TEST(FitFrames, StretchingKeepsEverything) {
  const at::Tensor fitted = fit_frames(white_columns(8, 32, 0, 16), {8, 8, Fit::stretch});
  const at::Tensor row = fitted[0][0].flatten();
  EXPECT_EQ(row[0].item<int64_t>(), 255);
  EXPECT_EQ(row[7].item<int64_t>(), 0);
}

TEST(FitFrames, SmallerFramesAreMeansAndNotSamples) {
  const at::Tensor stripes = at::arange(64).remainder(2).mul(200).to(at::kByte);
  const at::Tensor fitted =
      fit_frames(stripes.view({1, 1, 64, 1}).expand({1, 64, 64, 1}).contiguous(), {8, 8});
  EXPECT_LT((fitted.to(at::kFloat) - 100).abs().max().item<float>(), 6);
}

TEST(FitFrames, SizesThatAreNoneAreRefused) {
  EXPECT_EQ(frame_size_from("64x96").height_px, 64);
  EXPECT_EQ(frame_size_from("64x96").width_px, 96);
  for (const auto* text : {"", "64", "64x", "x64", "0x64", "64x0", "64x64x64", "-1x4", "99999x4"}) {
    EXPECT_THROW(frame_size_from(text), std::invalid_argument) << text;
  }
  EXPECT_THROW(fit_from_name("squeeze"), std::invalid_argument);
}

}  // namespace
}  // namespace nextframe
