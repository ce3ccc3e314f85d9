#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "trainer/play/frame_cells.h"

namespace nextframe {
namespace {

TEST(FrameCells, AreTwoPixelsEach) {
  auto frame_HWC = at::zeros({2, 1, 3}, at::kByte);
  frame_HWC[0][0][0] = 255;
  frame_HWC[1][0][2] = 7;
  EXPECT_EQ(frame_cells({frame_HWC}, 2, 1), "\x1b[38;2;255;0;0m\x1b[48;2;0;0;7m\u2580\x1b[0m\n");
  // Twice as large where there is room, two side by side where there are two.
  const auto two = frame_cells({frame_HWC, frame_HWC}, 6, 2);
  const auto count = [&](const std::string& what) {
    size_t found = 0;
    for (auto at = two.find(what); at != std::string::npos; at = two.find(what, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("\u2580"), 8U);
  EXPECT_EQ(count("\n"), 2U);
  // Reduced where there is not, and never to nothing.
  EXPECT_EQ(frame_cells({at::zeros({64, 64, 1}, at::kByte)}, 9, 4),
            frame_cells({at::zeros({8, 8, 3}, at::kByte)}, 9, 4));
  EXPECT_FALSE(frame_cells({at::zeros({64, 64, 3}, at::kByte)}, 1, 0).empty());
}

}  // namespace
}  // namespace nextframe
