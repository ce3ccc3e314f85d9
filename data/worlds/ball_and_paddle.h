// State and physics of the world `ball_and_paddle`, without its rendering.
#pragma once

#include <array>
#include <cstdint>

#include "data/world.h"
#include "data/worlds/episode_draws.h"

namespace nextframe::ball_and_paddle {

// Pixels and frames are the units; x grows to the right, y downwards.
inline constexpr double kSize = 64, kRadius = 4;
inline constexpr double kPaddleWidth = 16, kPaddleHeight = 3, kPaddleTop = 57;
inline constexpr double kMinSpeed = 1.5, kMaxSpeed = 3;
inline constexpr double kPaddleStep = 2;
inline constexpr double kRedrawProbability = 0.2;
inline constexpr int64_t kNumActions = 3;  // left, stay, right

struct Vector {
  double x = 0, y = 0;
};

/// Contacts during the step that led to a state.
struct Contacts {
  uint8_t wall = 0, ball = 0, paddle = 0;
};

struct State {
  std::array<Vector, 2> position;
  std::array<Vector, 2> velocity;
  double paddle_x = 0;  // left edge
  Contacts contacts;
};

/// Balls above the paddle and apart, speeds uniform in [kMinSpeed, kMaxSpeed).
State initial_state(EpisodeDraws& draws);

/// One frame later. Bounces are elastic and the paddle is heavy, so kinetic energy never changes.
/// The paddle moves by -2, 0 or +2 px; walls stop it, and so does a ball held against a wall.
State step(const State& state, int64_t action);

}  // namespace nextframe::ball_and_paddle
