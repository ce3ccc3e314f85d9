// bouncing_square: a square on a plain ground, both of random colours, moved by four actions. The
// smallest world with actions; re-implementations of Dreamer 4 publish their figures on it
// (edwhu/dreamer4-jax: 32x32, sides of 6 to 14 px, 2 px a frame, directions held for 4 to 9
// frames).
#include <ATen/ATen.h>

#include <array>

#include "data/worlds/episode_draws.h"

namespace nextframe::bouncing_square {
namespace {

constexpr int64_t kSize = 32, kStep = 2;  // px, px a frame
constexpr int64_t kLeastSide = 6, kMostSide = 14;
constexpr int64_t kLeastHold = 4, kMostHold = 9;  // frames
constexpr int64_t kNumActions = 4;                // up, down, left, right

using Colour = std::array<uint8_t, 3>;

Colour draw_colour(EpisodeDraws& draws) {
  Colour colour{};
  for (auto& value : colour) value = static_cast<uint8_t>(draws.integer(0, 255));
  return colour;
}

/// A coordinate after a step, reflected at both walls.
int64_t moved(int64_t position, int64_t step, int64_t most) {
  const int64_t next = position + step;
  return next < 0 ? -next : next > most ? 2 * most - next : next;
}

struct Square {
  int64_t x = 0, y = 0, side = 0;  // px; x and y of its upper left corner

  void step(int64_t action) {
    const int64_t sign = action % 2 == 0 ? -kStep : kStep, most = kSize - side;
    if (action < 2) {
      y = moved(y, sign, most);
    } else {
      x = moved(x, sign, most);
    }
  }
  bool covers(int64_t column, int64_t row) const {
    return column >= x && column < x + side && row >= y && row < y + side;
  }
};

RecordedEpisode record_square(const EpisodeRequest& request) {
  EpisodeDraws draws(request.key);
  const int64_t num_frames = request.num_frames;
  Square square;
  square.side = draws.integer(kLeastSide, kMostSide);
  square.x = draws.integer(0, kSize - square.side);
  square.y = draws.integer(0, kSize - square.side);
  const Colour ground = draw_colour(draws), colour = draw_colour(draws);
  RecordedEpisode episode;
  episode.frames_THWC = at::empty({num_frames, kSize, kSize, 3}, at::kByte);
  episode.actions = at::empty({num_frames}, at::kLong);
  auto position = at::empty({num_frames, 2}, at::kFloat),
       side = at::empty({num_frames}, at::kFloat);
  auto* pixel = episode.frames_THWC.data_ptr<uint8_t>();
  int64_t action = draws.integer(0, kNumActions - 1), held = 0;
  int64_t hold = draws.integer(kLeastHold, kMostHold);
  for (int64_t t = 0; t < num_frames; ++t) {
    if (t > 0) square.step(action);
    if (held++ == hold) {  // another direction, each of the three as likely
      action = (action + draws.integer(1, kNumActions - 1)) % kNumActions;
      hold = draws.integer(kLeastHold, kMostHold);
      held = 1;
    }
    if (request.actions.defined()) action = request.actions[t].item<int64_t>();
    for (int64_t row = 0; row < kSize; ++row) {
      for (int64_t column = 0; column < kSize; ++column) {
        for (const uint8_t value : square.covers(column, row) ? colour : ground) *pixel++ = value;
      }
    }
    episode.actions.data_ptr<int64_t>()[t] = action;
    position.data_ptr<float>()[2 * t] = static_cast<float>(square.x);
    position.data_ptr<float>()[2 * t + 1] = static_cast<float>(square.y);
    side.data_ptr<float>()[t] = static_cast<float>(square.side);
  }
  episode.columns = {{"square_position", position}, {"square_side", side}};
  return episode;
}

}  // namespace
}  // namespace nextframe::bouncing_square

NF_REGISTER_WORLD(bouncing_square, {"a square is moved by four actions and bounces; 32x32 RGB",
                                    {nextframe::ActionSpace::Kind::discrete,
                                     nextframe::bouncing_square::kNumActions,
                                     {"up", "down", "left", "right"}},
                                    15,
                                    nextframe::bouncing_square::record_square,
                                    {},
                                    {{"square_position", "[T, 2]", "upper left corner, px"},
                                     {"square_side", "[T]", "px"}}})
