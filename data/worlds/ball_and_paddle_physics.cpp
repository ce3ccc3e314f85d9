#include <algorithm>
#include <cmath>

#include "data/worlds/ball_and_paddle.h"

namespace nextframe::ball_and_paddle {
namespace {

constexpr int kSubsteps = 8;  // a ball moves half a pixel at most in one
constexpr double kLow = kRadius, kHigh = kSize - kRadius;  // where a ball's centre may be
constexpr double kPaddleRight = kSize - kPaddleWidth;

double dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y; }

/// Adds `amount` times the unit vector `along`.
void move(Vector& vector, Vector along, double amount) {
  vector.x += amount * along.x;
  vector.y += amount * along.y;
}

/// One coordinate against two walls; true on a bounce.
bool bounce(double& position, double& velocity) {
  const bool low = position<kLow, high = position> kHigh;
  if (!low && !high) return false;
  position = low ? kLow : kHigh;
  const bool outwards = low ? velocity < 0 : velocity > 0;
  if (outwards) velocity = -velocity;
  return outwards;
}

/// Equal masses: the parts of the velocities along the line of centres change places.
bool bounce_balls(State& state) {
  auto& [first, second] = state.position;
  const Vector between{second.x - first.x, second.y - first.y};
  const double distance = std::sqrt(dot(between, between));
  if (distance >= 2 * kRadius || distance == 0) return false;
  const Vector normal{between.x / distance, between.y / distance};
  const double overlap = 2 * kRadius - distance;
  move(first, normal, -overlap / 2);
  move(second, normal, overlap / 2);
  auto& [first_velocity, second_velocity] = state.velocity;
  const double approach = dot(first_velocity, normal) - dot(second_velocity, normal);
  if (approach <= 0) return false;
  move(first_velocity, normal, -approach);
  move(second_velocity, normal, approach);
  return true;
}

/// A circle against the nearest point of the paddle's rectangle.
bool bounce_paddle(State& state, size_t ball) {
  auto& position = state.position[ball];
  auto& velocity = state.velocity[ball];
  const Vector nearest{std::clamp(position.x, state.paddle_x, state.paddle_x + kPaddleWidth),
                       std::clamp(position.y, kPaddleTop, kPaddleTop + kPaddleHeight)};
  Vector normal{position.x - nearest.x, position.y - nearest.y};
  const double distance = std::sqrt(dot(normal, normal));
  if (distance >= kRadius) return false;
  normal = distance > 0 ? Vector{normal.x / distance, normal.y / distance} : Vector{0, -1};
  move(position, normal, kRadius - distance);
  const double approach = -dot(velocity, normal);
  if (approach <= 0) return false;
  move(velocity, normal, 2 * approach);
  return true;
}

/// A ball that the paddle has pushed into a wall gives way no further: the paddle does.
void stop_paddle(State& state, const Vector& ball) {
  if (ball.y <= kPaddleTop) return;
  const bool right_of_paddle = ball.x > state.paddle_x + kPaddleWidth / 2;
  if (ball.x > kHigh && right_of_paddle) state.paddle_x -= ball.x - kHigh;
  if (ball.x < kLow && !right_of_paddle) state.paddle_x += kLow - ball.x;
}

void substep(State& state, double paddle_velocity) {
  constexpr double kTime = 1.0 / kSubsteps;
  state.paddle_x = std::clamp(state.paddle_x + paddle_velocity * kTime, 0.0, kPaddleRight);
  for (size_t ball = 0; ball < 2; ++ball) move(state.position[ball], state.velocity[ball], kTime);
  state.contacts.ball += bounce_balls(state);
  for (size_t ball = 0; ball < 2; ++ball) {
    auto& position = state.position[ball];
    state.contacts.paddle += bounce_paddle(state, ball);
    stop_paddle(state, position);
    state.contacts.wall += bounce(position.x, state.velocity[ball].x);
    state.contacts.wall += bounce(position.y, state.velocity[ball].y);
  }
}

Vector random_position(EpisodeDraws& draws) {
  const double highest = kPaddleTop - kRadius - 1;  // free of the paddle
  return {kLow + draws.next() * (kHigh - kLow), kLow + draws.next() * (highest - kLow)};
}

/// A direction without sine and cosine, whose last bit differs between machines.
Vector random_velocity(EpisodeDraws& draws) {
  Vector direction;
  double square = 0;
  while (square > 1 || square < 0.01) {
    direction = {2 * draws.next() - 1, 2 * draws.next() - 1};
    square = dot(direction, direction);
  }
  const double speed = kMinSpeed + draws.next() * (kMaxSpeed - kMinSpeed);
  const double scale = speed / std::sqrt(square);
  return {direction.x * scale, direction.y * scale};
}

}  // namespace

State initial_state(EpisodeDraws& draws) {
  State state;
  state.paddle_x = std::floor(draws.next() * (kPaddleRight + 1));
  state.position[0] = random_position(draws);
  Vector between;
  do {
    state.position[1] = random_position(draws);
    between = {state.position[1].x - state.position[0].x,
               state.position[1].y - state.position[0].y};
  } while (dot(between, between) < 4 * kRadius * kRadius + 8 * kRadius);
  for (auto& velocity : state.velocity) velocity = random_velocity(draws);
  return state;
}

State step(const State& state, int64_t action) {
  State next = state;
  next.contacts = {};
  const double paddle_velocity = kPaddleStep * static_cast<double>(action - 1);
  for (int i = 0; i < kSubsteps; ++i) substep(next, paddle_velocity);
  return next;
}

}  // namespace nextframe::ball_and_paddle
