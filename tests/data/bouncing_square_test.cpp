#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>

#include "data/world.h"

namespace nextframe {
namespace {

RecordedEpisode square_episode(uint64_t index, int64_t frames = 64) {
  return WorldRegistry::instance().get("bouncing_square", "world").episode({1, 0, index}, frames);
}

const at::Tensor& column_of(const RecordedEpisode& episode, const std::string& name) {
  for (const auto& [its_name, values] : episode.columns)
    if (its_name == name) return values;
  throw std::out_of_range(name);
}

TEST(BouncingSquare, TheActionAtAFrameLeadsToTheNext) {
  const float steps[4][2] = {{0, -2}, {0, 2}, {-2, 0}, {2, 0}};
  int64_t reflected = 0, moves = 0;
  for (uint64_t index = 0; index < 50; ++index) {
    const auto episode = square_episode(index);
    const auto positions = column_of(episode, "square_position");
    const auto position = positions.accessor<float, 2>();
    const float most = 32 - column_of(episode, "square_side")[0].item<float>();
    for (int64_t t = 0; t + 1 < positions.size(0); ++t) {
      const auto action = episode.actions[t].item<int64_t>();
      for (int64_t axis = 0; axis < 2; ++axis) {
        float next = position[t][axis] + steps[action][axis];
        if (next < 0 || next > most) ++reflected;
        next = next < 0 ? -next : next > most ? 2 * most - next : next;
        EXPECT_EQ(position[t + 1][axis], next) << index << " " << t;
      }
      ++moves;
    }
  }
  EXPECT_GT(reflected, moves / 20);
}

TEST(BouncingSquare, FramesShowTheSquareWhereTheStateSays) {
  for (uint64_t index = 0; index < 20; ++index) {
    const auto episode = square_episode(index, 16);
    const auto side = column_of(episode, "square_side")[0].item<int64_t>();
    for (int64_t t = 0; t < 16; ++t) {
      const auto at = column_of(episode, "square_position")[t];
      const auto frame = episode.frames_THWC[t];
      const auto inside =
          frame.narrow(0, at[1].item<int64_t>(), side).narrow(1, at[0].item<int64_t>(), side);
      EXPECT_TRUE(at::equal(inside, inside[0][0].expand_as(inside)));
      EXPECT_EQ((frame != inside[0][0]).any(2).logical_not().sum().item<int64_t>(), side * side);
    }
  }
}

TEST(BouncingSquare, DirectionsAreHeldForFourToNineFrames) {
  std::map<int64_t, int64_t> lengths;
  for (uint64_t index = 0; index < 50; ++index) {
    const auto actions = square_episode(index, 128).actions;
    for (int64_t t = 1, begin = -1; t < 128; ++t) {
      if (actions[t].item<int64_t>() == actions[t - 1].item<int64_t>()) continue;
      if (begin >= 0) ++lengths[t - begin];
      begin = t;
    }
  }
  EXPECT_EQ(lengths.begin()->first, 4);
  EXPECT_EQ(lengths.rbegin()->first, 9);
  EXPECT_EQ(lengths.size(), 6u);
}

TEST(BouncingSquare, EpisodesAreKeyed) {
  EXPECT_TRUE(at::equal(square_episode(3).frames_THWC, square_episode(3).frames_THWC));
  EXPECT_FALSE(at::equal(square_episode(3).frames_THWC, square_episode(4).frames_THWC));
}

}  // namespace
}  // namespace nextframe
