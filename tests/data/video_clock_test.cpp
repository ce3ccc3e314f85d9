#include "data/import/video_clock.h"

#include "tests/data/scratch.h"

namespace nextframe {
namespace {

using Numbers = std::vector<int64_t>;

TEST(VideoClock, ShowsTheNewestFrame) {
  const std::vector<double> times_s{0, 0.1, 0.2, 1.2};
  EXPECT_EQ(frame_at(times_s, -1), 0);
  EXPECT_EQ(frame_at(times_s, 0.19), 1);
  EXPECT_EQ(frame_at(times_s, 1.19), 2);
  EXPECT_EQ(frame_at(times_s, 9), 3);
  EXPECT_EQ(frames_shown(times_s, 1.3, 0), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(frames_shown(times_s, 1.3, 5), (Numbers{0, 2, 2, 2, 2, 2, 3}));
}

TEST(VideoClock, RoundedTimeStampsLoseNoFrame) {
  std::vector<double> times_s;  // 30 frames a second, in milliseconds
  for (int t = 0; t < 3000; ++t) times_s.push_back(std::round(t * 1000.0 / 30) / 1000);
  const auto all = frames_shown(times_s, 100, 30), half = frames_shown(times_s, 100, 15);
  ASSERT_EQ(all.size(), 3000U);
  ASSERT_EQ(half.size(), 1500U);
  for (size_t t = 0; t < 3000; ++t) EXPECT_EQ(all[t], static_cast<int64_t>(t));
  for (size_t t = 0; t < 1500; ++t) EXPECT_EQ(half[t], static_cast<int64_t>(2 * t));
}

TEST(VideoClock, RowsHoldUntilTheNextOne) {
  const at::Tensor rows = at::tensor({5, 6}, at::kLong);
  const auto held = rows_in_force(rows, {0.5, 1}, {0, 0.4, 0.5, 0.9, 1, 7});
  EXPECT_TRUE(at::equal(held, at::tensor({0, 0, 5, 5, 6, 6}, at::kLong)));
  const auto pairs = rows_in_force(at::ones({2, 3}), {0.5, 1}, {0, 2});
  EXPECT_TRUE(at::equal(pairs, at::stack({at::zeros({3}), at::ones({3})})));
}

}  // namespace
}  // namespace nextframe
