// containers: a ball is let down into one of two boxes, the boxes slide to other places or past
// each other, and the ball is drawn up from where its box has gone. While it is inside nothing of
// it is seen: where it is follows only from which box it went into.
#include <algorithm>
#include <array>

#include "data/worlds/scene_world.h"

namespace nextframe::containers {
namespace {

const std::vector<WorldParameter> kParameters{
    {"speed", "px/frame", {1.8, 2.8}, {{1, 1.5}, {3.2, 4}}},
    {"radius", "px", {3.5, 5}, {{2.4, 3.1}, {5.4, 6}}}};

constexpr double kHigh = 14, kLow = 49, kFloor = 58;  // heights of the ball, and of the floor
constexpr Vector kHalfBox{8, 8};
constexpr double kFirstPlace = 11, kLastPlace = 53, kLeastGap = 18;
constexpr double kLeastSlide = 10;  // of the box with the ball
constexpr Rgb kString{150, 152, 160}, kGround{96, 100, 112};
enum ThingOfWorld : size_t { kBall, kBoxes, kStringThing = 3 };

/// Two places for the boxes, far enough apart to stand beside each other.
std::array<double, 2> draw_places(EpisodeDraws& draws) {
  const double first = draw_in(draws, kFirstPlace, kLastPlace - kLeastGap);
  const double second = draw_in(draws, first + kLeastGap, kLastPlace);
  if (draws.integer(0, 1) == 0) return {first, second};
  return {second, first};
}

/// Down, across, up, and again.
class Play {
 public:
  Play(double speed, EpisodeDraws draws) : speed_(speed), draws_(draws) {}

  void operator()(Scene& scene, int64_t, int64_t) {
    for (auto& thing : scene.things) thing.velocity = {};
    scene.contacts.assign(3 * 4, 0);
    auto& ball = scene.things[kBall];
    if (pause_ > 0) {
      --pause_;
    } else if (phase_ == Phase::down && move(ball.position.y, ball.velocity.y, kLow)) {
      set_out(scene);
    } else if (phase_ == Phase::across && slide(scene)) {
      next(Phase::up, 2);
    } else if (phase_ == Phase::up && move(ball.position.y, ball.velocity.y, kHigh)) {
      next(Phase::down, 4);
    }
    hang(scene);
  }

  /// The string from the top of the frame to the ball; none while the ball is carried.
  void hang(Scene& scene) const {
    const auto& ball = scene.things[kBall];
    auto& string = scene.things[kStringThing];
    const double half = (ball.position.y - ball.radius()) / 2;
    string.position = {ball.position.x, half};
    string.half_size = {0.5, half};
    string.is_drawn = phase_ != Phase::across;
  }

 private:
  enum class Phase { down, across, up };

  /// At most the speed towards `goal`; true once it is there.
  bool move(double& place, double& velocity, double goal) const {
    velocity = std::clamp(goal - place, -speed_, speed_);
    place += velocity;
    return velocity > -speed_ && velocity < speed_;
  }

  void next(Phase phase, int64_t pause) {
    phase_ = phase;
    pause_ = pause;
  }

  void set_out(const Scene& scene) {
    const auto place = [&](size_t box) { return scene.things[kBoxes + box].position.x; };
    const double ball = scene.things[kBall].position.x;
    carrier_ = std::abs(place(0) - ball) < std::abs(place(1) - ball) ? 0 : 1;
    do {
      goals_ = draw_places(draws_);
    } while (std::abs(goals_.at(carrier_) - place(carrier_)) < kLeastSlide);
    next(Phase::across, 2);
  }

  bool slide(Scene& scene) const {
    bool have_arrived = true;
    for (size_t i = 0; i < 2; ++i) {
      auto& box = scene.things[kBoxes + i];
      have_arrived &= move(box.position.x, box.velocity.x, goals_[i]);
    }
    const auto& carrier = scene.things[kBoxes + carrier_];
    auto& ball = scene.things[kBall];
    ball.velocity.x = carrier.velocity.x;
    ball.position.x = carrier.position.x;
    return have_arrived;
  }

  double speed_;
  EpisodeDraws draws_;
  Phase phase_ = Phase::down;
  int64_t pause_ = 6;  // frames
  std::array<double, 2> goals_{};
  size_t carrier_ = 0;
};

SceneEpisode begin(const Parameters& parameters, EpisodeDraws& draws) {
  const auto colours = draw_colours(draws, 3);
  const auto places = draw_places(draws);
  const auto chosen = static_cast<size_t>(draws.integer(0, 1));
  Scene scene{.num_objects = 3};
  scene.things = {disc({places.at(chosen), kHigh}, parameters["radius"], colours[0]),
                  box({places[0], kFloor - kHalfBox.y}, kHalfBox, colours[1]),
                  box({places[1], kFloor - kHalfBox.y}, kHalfBox, colours[2]), box({}, {}, kString),
                  box({32, kFloor + 3}, {40, 3}, kGround)};
  for (const size_t i : {0, 1}) scene.things[kBoxes + i].layer = 1;
  scene.things[kStringThing].layer = -1;
  const Play play(parameters["speed"], draws);
  play.hang(scene);
  return {.scene = scene, .advance = play};
}

/// Teleported, the ball is in the other box.
bool put_into_the_other_box(SceneEpisode& episode, const Violation& violation) {
  if (violation.kind != Violation::Kind::teleport || violation.object != 0) return false;
  auto& things = episode.scene.things;
  const bool is_in_first = things[kBall].position.x == things[kBoxes].position.x;
  things[kBall].position.x = things[kBoxes + (is_in_first ? 1 : 0)].position.x;
  return true;
}

using enum Violation::Kind;

NF_REGISTER_WORLD(containers,
                  simulated({.summary = "a ball is carried inside one of two boxes; 64x64 RGB",
                             .parameters = kParameters,
                             .objects = {"ball", "first box", "second box"},
                             .violations = {vanish, teleport, recolour},
                             .begin = begin,
                             .alter = put_into_the_other_box}))

}  // namespace
}  // namespace nextframe::containers
