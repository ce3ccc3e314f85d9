#include "data/worlds/ball_and_paddle.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace nextframe::ball_and_paddle {
namespace {

using Colour = std::array<double, 3>;

constexpr Colour kBackground{16, 16, 24}, kRed{232, 72, 72}, kGreen{72, 208, 104};
constexpr Colour kYellow{240, 216, 88};
constexpr int64_t kPixels = static_cast<int64_t>(kSize);

/// The part of the pixel with this centre that a disc covers, by its distance to the edge.
double disc_coverage(Vector centre, double x, double y) {
  const double distance =
      std::sqrt((x - centre.x) * (x - centre.x) + (y - centre.y) * (y - centre.y));
  return std::clamp(kRadius + 0.5 - distance, 0.0, 1.0);
}

/// The exact part of a pixel that the interval [begin, begin + width] covers.
double interval_coverage(double begin, double width, double centre) {
  const double low = std::max(begin, centre - 0.5), high = std::min(begin + width, centre + 0.5);
  return std::max(0.0, high - low);
}

void blend(Colour& pixel, const Colour& colour, double coverage) {
  for (size_t c = 0; c < 3; ++c) pixel[c] += coverage * (colour[c] - pixel[c]);
}

void draw(const State& state, uint8_t* frame_HWC) {
  for (int64_t row = 0; row < kPixels; ++row) {
    const double y = static_cast<double>(row) + 0.5;
    const double paddle_rows = interval_coverage(kPaddleTop, kPaddleHeight, y);
    for (int64_t column = 0; column < kPixels; ++column) {
      const double x = static_cast<double>(column) + 0.5;
      Colour pixel = kBackground;
      blend(pixel, kYellow, paddle_rows * interval_coverage(state.paddle_x, kPaddleWidth, x));
      blend(pixel, kRed, disc_coverage(state.position[0], x, y));
      blend(pixel, kGreen, disc_coverage(state.position[1], x, y));
      for (const double value : pixel) *frame_HWC++ = static_cast<uint8_t>(value + 0.5);
    }
  }
}

/// The columns that are the true state, [T, ...].
struct Truth {
  explicit Truth(int64_t frames)
      : position(at::empty({frames, 2, 2}, at::kFloat)),
        velocity(at::empty({frames, 2, 2}, at::kFloat)),
        paddle(at::empty({frames}, at::kFloat)),
        contacts(at::empty({frames, 3}, at::kByte)) {}

  void record(int64_t t, const State& state) {
    auto* const p = position.data_ptr<float>() + 4 * t;
    auto* const v = velocity.data_ptr<float>() + 4 * t;
    for (size_t ball = 0; ball < 2; ++ball) {
      p[2 * ball] = static_cast<float>(state.position[ball].x);
      p[2 * ball + 1] = static_cast<float>(state.position[ball].y);
      v[2 * ball] = static_cast<float>(state.velocity[ball].x);
      v[2 * ball + 1] = static_cast<float>(state.velocity[ball].y);
    }
    paddle.data_ptr<float>()[t] = static_cast<float>(state.paddle_x);
    const auto& c = state.contacts;
    const std::array<uint8_t, 3> counts{c.wall, c.ball, c.paddle};
    std::copy(counts.begin(), counts.end(), contacts.data_ptr<uint8_t>() + 3 * t);
  }

  at::Tensor position, velocity, paddle, contacts;
};

RecordedEpisode record_episode(const EpisodeRequest& request) {
  EpisodeDraws draws(request.key);
  const int64_t num_frames = request.num_frames;
  State state = initial_state(draws);
  RecordedEpisode episode;
  episode.frames_THWC = at::empty({num_frames, kPixels, kPixels, 3}, at::kByte);
  episode.actions = at::empty({num_frames}, at::kLong);
  Truth truth(num_frames);
  auto action = static_cast<int64_t>(draws.next() * kNumActions);
  for (int64_t t = 0; t < num_frames; ++t) {
    if (t > 0) {
      state = step(state, action);
      const bool redraw = draws.next() < kRedrawProbability;
      if (redraw) action = static_cast<int64_t>(draws.next() * kNumActions);
    }
    if (request.actions.defined()) action = request.actions[t].item<int64_t>();
    draw(state, episode.frames_THWC.data_ptr<uint8_t>() + t * kPixels * kPixels * 3);
    episode.actions.data_ptr<int64_t>()[t] = action;
    truth.record(t, state);
  }
  episode.columns = {{"ball_position", truth.position},
                     {"ball_velocity", truth.velocity},
                     {"paddle_x", truth.paddle},
                     {"contacts", truth.contacts}};
  return episode;
}

std::vector<StateColumn> state_columns() {
  return {{"ball_position", "[T, 2, 2]", "centres of the red and the green ball, x and y, px"},
          {"ball_velocity", "[T, 2, 2]", "px/frame"},
          {"paddle_x", "[T]", "left edge of the paddle, px"},
          {"contacts", "[T, 3]", "with walls, balls and paddle on the way to this frame"}};
}

}  // namespace
}  // namespace nextframe::ball_and_paddle

NF_REGISTER_WORLD(ball_and_paddle, {"two balls bounce, a paddle is moved by actions; 64x64 RGB",
                                    {nextframe::ActionSpace::Kind::discrete,
                                     nextframe::ball_and_paddle::kNumActions,
                                     {"left", "stay", "right"}},
                                    15,
                                    nextframe::ball_and_paddle::record_episode,
                                    {},
                                    nextframe::ball_and_paddle::state_columns()})
