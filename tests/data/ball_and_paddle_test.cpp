#include "data/worlds/ball_and_paddle.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace nextframe::ball_and_paddle {
namespace {

constexpr int64_t kFrames = 64;
constexpr uint64_t kEpisodes = 200;

const SimulatedWorld& world() { return WorldRegistry::instance().get("ball_and_paddle", "world"); }

double energy(const State& state) {
  double sum = 0;
  for (const auto& v : state.velocity) sum += v.x * v.x + v.y * v.y;
  return sum;
}

double gap_of_balls(const State& state) {
  const auto& [a, b] = state.position;
  return std::hypot(a.x - b.x, a.y - b.y) - 2 * kRadius;
}

/// Calls `visit` with every state and the action that leads to the next one.
void for_each_step(const std::function<void(const State&, int64_t, const State&)>& visit) {
  for (uint64_t index = 0; index < kEpisodes; ++index) {
    EpisodeDraws draws({1, 0, index});
    State state = initial_state(draws);
    for (int64_t t = 0; t < kFrames; ++t) {
      const auto action = static_cast<int64_t>(draws.next() * kNumActions);
      const State next = step(state, action);
      visit(state, action, next);
      state = next;
    }
  }
}

TEST(BallAndPaddle, SpeedsStartInRangeAndSpreadOverIt) {
  double low = 9, high = 0;
  for (uint64_t index = 0; index < kEpisodes; ++index) {
    EpisodeDraws draws({3, 0, index});
    for (const auto& v : initial_state(draws).velocity) {
      const double speed = std::hypot(v.x, v.y);
      low = std::min(low, speed);
      high = std::max(high, speed);
    }
  }
  EXPECT_GE(low, kMinSpeed);
  EXPECT_LT(low, kMinSpeed + 0.1);
  EXPECT_LE(high, kMaxSpeed);
  EXPECT_GT(high, kMaxSpeed - 0.1);
}

TEST(BallAndPaddle, TheRecordedActionLeadsToTheNextFrame) {
  int64_t moved = 0, agreed = 0;
  for (uint64_t index = 0; index < 20; ++index) {
    const auto episode = world().episode({5, 0, index}, kFrames);
    const auto column = std::find_if(episode.columns.begin(), episode.columns.end(),
                                     [](const auto& c) { return c.name == "paddle_x"; });
    ASSERT_NE(column, episode.columns.end());
    const float* x = column->values.const_data_ptr<float>();
    const int64_t* action = episode.actions.const_data_ptr<int64_t>();
    for (int64_t t = 0; t + 1 < kFrames; ++t) {
      const float wanted = x[t] + 2.0f * static_cast<float>(action[t] - 1);
      if (action[t] == 1 || wanted < 0 || wanted > 48) continue;
      ++moved;
      agreed += std::abs(x[t + 1] - wanted) < 1e-4f;
    }
  }
  EXPECT_GT(moved, 300);
  EXPECT_GE(agreed, moved * 98 / 100);  // a ball held against a wall can stop the paddle
}

TEST(BallAndPaddle, BouncesKeepTheEnergy) {
  for_each_step([](const State& state, int64_t, const State& next) {
    ASSERT_NEAR(energy(next), energy(state), 1e-9);
  });
}

TEST(BallAndPaddle, ThereAreThreeCollisionsAnEpisodeAndMoreOfEachKind) {
  double wall = 0, ball = 0, paddle = 0;
  for_each_step([&](const State&, int64_t, const State& next) {
    wall += next.contacts.wall;
    ball += next.contacts.ball;
    paddle += next.contacts.paddle;
  });
  const auto episodes = static_cast<double>(kEpisodes);
  EXPECT_GE((wall + ball + paddle) / episodes, 3);
  EXPECT_GT(wall / episodes, 1);
  EXPECT_GT(ball / episodes, 0.2);
  EXPECT_GT(paddle / episodes, 0.2);
}

TEST(BallAndPaddle, BallsStayInsideAndApart) {
  for_each_step([](const State&, int64_t, const State& next) {
    for (const auto& p : next.position) {
      ASSERT_TRUE(p.x >= kRadius && p.x <= kSize - kRadius && p.y >= kRadius &&
                  p.y <= kSize - kRadius);
    }
    ASSERT_GT(gap_of_balls(next), -1.0);
  });
}

TEST(BallAndPaddle, BallsNeverEnterThePaddle) {
  for_each_step([](const State&, int64_t, const State& next) {
    for (const auto& p : next.position) {
      const double dx = std::max({next.paddle_x - p.x, p.x - next.paddle_x - kPaddleWidth, 0.0});
      const double dy = std::max({kPaddleTop - p.y, p.y - kPaddleTop - kPaddleHeight, 0.0});
      ASSERT_GT(std::hypot(dx, dy), kRadius - 1.0);
    }
  });
}

TEST(BallAndPaddle, TheActionMovesThePaddleTwoPixelsFromFrameToFrame) {
  int64_t free = 0, exact = 0;
  for_each_step([&](const State& state, int64_t action, const State& next) {
    const double wanted = state.paddle_x + kPaddleStep * static_cast<double>(action - 1);
    if (wanted < 0 || wanted > kSize - kPaddleWidth) {
      EXPECT_LE(std::abs(next.paddle_x - state.paddle_x), kPaddleStep);
      return;
    }
    ++free;
    exact += std::abs(next.paddle_x - wanted) < 1e-9;
  });
  EXPECT_GT(free, 5000);
  EXPECT_GT(static_cast<double>(exact) / static_cast<double>(free), 0.99);
}

TEST(BallAndPaddle, TwoBallsHeadOnChangeVelocities) {
  State state;
  state.position = {Vector{20, 30}, Vector{29, 30}};
  state.velocity = {Vector{2, 0}, Vector{-1.5, 0}};
  state.paddle_x = 0;
  const State next = step(state, 1);
  EXPECT_EQ(next.contacts.ball, 1);
  EXPECT_NEAR(next.velocity[0].x, -1.5, 1e-9);
  EXPECT_NEAR(next.velocity[1].x, 2, 1e-9);
}

TEST(BallAndPaddle, ABallBouncesOffThePaddleBeforeTheFloor) {
  State state;
  state.position = {Vector{30, 52}, Vector{10, 10}};
  state.velocity = {Vector{0.5, 2}, Vector{0, 1.5}};
  state.paddle_x = 24;
  const State next = step(state, 1);
  EXPECT_EQ(next.contacts.paddle, 1);
  EXPECT_NEAR(next.velocity[0].y, -2, 1e-9);
  EXPECT_NEAR(next.velocity[0].x, 0.5, 1e-9);
}

TEST(BallAndPaddle, ABallHeldAgainstAWallStopsThePaddle) {
  State state;
  state.position = {Vector{60, 60}, Vector{10, 10}};
  state.velocity = {Vector{0, 0}, Vector{1.5, 0}};
  state.paddle_x = 39;
  const State next = step(state, 2);
  EXPECT_NEAR(next.paddle_x, 40, 0.3);
  EXPECT_NEAR(next.position[0].x, 60, 1e-9);
}

TEST(BallAndPaddle, EpisodesAreAPureFunctionOfTheirKey) {
  const auto first = world().episode({7, 0, 3}, kFrames);
  const auto again = world().episode({7, 0, 3}, kFrames);
  EXPECT_TRUE(at::equal(first.frames_THWC, again.frames_THWC));
  EXPECT_TRUE(at::equal(first.actions, again.actions));
  for (const EpisodeKey& other : {EpisodeKey{8, 0, 3}, EpisodeKey{7, 1, 3}, EpisodeKey{7, 0, 4}}) {
    EXPECT_FALSE(at::equal(first.frames_THWC, world().episode(other, kFrames).frames_THWC));
  }
}

TEST(BallAndPaddle, ActionsAreSticky) {
  int64_t changes = 0, steps = 0;
  std::array<int64_t, 3> counts{};
  for (uint64_t index = 0; index < kEpisodes; ++index) {
    const auto actions = world().episode({1, 0, index}, kFrames).actions;
    const auto* action = actions.const_data_ptr<int64_t>();
    for (int64_t t = 0; t < kFrames; ++t) ++counts.at(static_cast<size_t>(action[t]));
    for (int64_t t = 1; t < kFrames; ++t, ++steps) changes += action[t] != action[t - 1];
  }
  // A redraw (0.2) changes the action in two of three cases.
  EXPECT_NEAR(static_cast<double>(changes) / static_cast<double>(steps), 0.2 * 2 / 3, 0.02);
  for (const int64_t count : counts) {
    EXPECT_NEAR(static_cast<double>(count) / static_cast<double>(steps + 200), 1.0 / 3, 0.05);
  }
}

TEST(BallAndPaddle, TheTrueStateIsWhatTheFramesShow) {
  const auto episode = world().episode({5, 0, 0}, kFrames);
  ASSERT_EQ(episode.frames_THWC.sizes(), (std::vector<int64_t>{kFrames, 64, 64, 3}));
  ASSERT_EQ(episode.columns.front().name, "ball_position");
  const at::Tensor& position = episode.columns.front().values;
  for (int64_t t = 0; t < kFrames; ++t) {
    const auto x = position[t][1][0].item<float>(), y = position[t][1][1].item<float>();
    const auto pixel = episode.frames_THWC[t][static_cast<int64_t>(y)][static_cast<int64_t>(x)];
    EXPECT_GT(pixel[1].item<int64_t>(), 190) << "the green ball's centre, frame " << t;
    EXPECT_LT(pixel[0].item<int64_t>(), 90);
  }
}

TEST(BallAndPaddle, BallsHaveSmoothEdgesAndTheRightArea) {
  const auto frame_HWC = world().episode({5, 0, 1}, 1).frames_THWC[0].to(at::kDouble);
  const at::Tensor green = (frame_HWC.select(2, 1) - 16) / (208 - 16);
  const at::Tensor red = (frame_HWC.select(2, 0) - 16) / (232 - 16);
  const at::Tensor only_red = red - (72.0 - 16) / (232 - 16) * green;
  EXPECT_TRUE(((green > 0.05) & (green < 0.2)).any().item<bool>());
  const at::Tensor above_paddle = only_red.slice(0, 0, 57);
  EXPECT_NEAR(above_paddle.sum().item<double>(), 3.14159 * kRadius * kRadius, 6.0);
}

}  // namespace
}  // namespace nextframe::ball_and_paddle
