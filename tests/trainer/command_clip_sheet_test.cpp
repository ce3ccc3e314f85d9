#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "trainer/commands/clip_sheet.h"

namespace nextframe {
namespace {

ShownClip grey_clip(int64_t frames, int64_t size_px, const at::Tensor& actions) {
  return {"a.h5",  3,
          12,      at::full({frames, size_px, size_px, 1}, 100, at::kByte),
          actions, {ActionSpace::Kind::discrete, 3, {"stay", "left", "right"}}};
}

TEST(ClipSheet, SmallFramesAreEnlargedAndLargeOnesReduced) {
  const auto small = clip_sheet({grey_clip(4, 16, at::arange(4).remainder(3))});
  EXPECT_GE(small.width_px, 4 * 128);
  const auto large = clip_sheet({grey_clip(4, 1024, at::rand({4, 6}) - 0.5)});
  EXPECT_LE(large.width_px, 4 * 270 + 80);
  const uint8_t* middle =
      small.rgb.data() + (small.height_px / 2 * small.width_px + small.width_px / 2) * 3;
  EXPECT_EQ(middle[0], 100);
}

TEST(ClipSheet, TerminalsGetHalfBlocksAndTheNamesOfActions) {
  const auto text = clip_cells({grey_clip(3, 16, at::arange(3))}, 80);
  EXPECT_NE(text.find("episode 3, from frame 12 on"), std::string::npos);
  EXPECT_NE(text.find("\x1b[38;2;100;100;100;48;2;100;100;100m\u2580"), std::string::npos);
  EXPECT_NE(text.find("left"), std::string::npos);
}

}  // namespace
}  // namespace nextframe
