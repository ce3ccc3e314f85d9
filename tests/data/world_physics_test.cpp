// The laws that each simulated world promises, checked on its true state.
#include <cmath>

#include "data/worlds/scene.h"
#include "tests/data/worlds.h"

namespace nextframe {
namespace {

constexpr uint64_t kLawEpisodes = 40;
constexpr int64_t kLawFrames = 64;

/// Numbers of object k at each frame, by [t][axis].
struct Motion {
  explicit Motion(const RecordedEpisode& episode, int64_t k = 0)
      : place(state_of(episode, "object_position").select(1, k).contiguous()),
        velocity(state_of(episode, "object_velocity").select(1, k).contiguous()),
        touched(state_of(episode, "object_contacts").select(1, k).sum(-1).contiguous()),
        seen(state_of(episode, "object_visible").select(1, k).contiguous()),
        size(state_of(episode, "object_size").select(1, k).contiguous()) {}

  double at(const at::Tensor& column, int64_t t, int64_t axis) const {
    return column.const_data_ptr<double>()[2 * t + axis];
  }
  bool touches(int64_t t) const { return touched.const_data_ptr<double>()[t] > 0; }
  double second_difference(int64_t t, int64_t axis) const {
    return at(place, t + 1, axis) - 2 * at(place, t, axis) + at(place, t - 1, axis);
  }
  double speed_squared(int64_t t) const {
    return std::pow(at(velocity, t, 0), 2) + std::pow(at(velocity, t, 1), 2);
  }

  at::Tensor place, velocity, touched, seen, size;
};

double parameter_of(const RecordedEpisode& episode, const std::string& name) {
  return number_of(state_of(episode, "world_" + name)[0]);
}

TEST(WorldPhysics, UniformMotionIsStraightAndAsFastAsItsParameter) {
  int64_t free = 0, bounces = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("uniform_motion").episode({1, 0, index}, kLawFrames);
    const Motion ball(episode);
    for (int64_t t = 1; t + 1 < kLawFrames; ++t) {
      EXPECT_NEAR(std::sqrt(ball.speed_squared(t)), parameter_of(episode, "speed"), 1e-5);
      bounces += ball.touches(t);
      if (ball.touches(t) || ball.touches(t + 1)) continue;
      for (const int64_t axis : {0, 1}) EXPECT_NEAR(ball.second_difference(t, axis), 0, 2e-5);
      ++free;
    }
  }
  EXPECT_GT(free, 1500);
  EXPECT_GT(bounces, 40);
}

TEST(WorldPhysics, TheSecondDifferenceOfAParabolaIsTheGravity) {
  int64_t free = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("parabola").episode({1, 0, index}, kLawFrames);
    const Motion ball(episode);
    const double gravity = parameter_of(episode, "gravity");
    const auto energy = [&](int64_t t) {
      return ball.speed_squared(t) / 2 - gravity * ball.at(ball.place, t, 1);
    };
    for (int64_t t = 1; t + 1 < kLawFrames; ++t) {
      EXPECT_NEAR(energy(t), energy(0), 1e-4 * 64 * gravity) << index << " " << t;
      if (ball.touches(t) || ball.touches(t + 1)) continue;
      EXPECT_NEAR(ball.second_difference(t, 1), gravity, 2e-5);
      EXPECT_NEAR(ball.second_difference(t, 0), 0, 2e-5);
      ++free;
    }
  }
  EXPECT_GT(free, 1500);
}

TEST(WorldPhysics, CollisionsKeepMomentumAndEnergy) {
  int64_t met = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("collisions").episode({1, 0, index}, kLawFrames);
    const Motion first(episode, 0), second(episode, 1);
    const auto contacts = state_of(episode, "object_contacts");
    const double first_mass = std::pow(parameter_of(episode, "radius"), 2);
    const double second_mass = std::pow(parameter_of(episode, "other_radius"), 2);
    const auto energy = [&](int64_t t) {
      return first_mass * first.speed_squared(t) + second_mass * second.speed_squared(t);
    };
    const auto momentum = [&](int64_t t, int64_t axis) {
      return first_mass * first.at(first.velocity, t, axis) +
             second_mass * second.at(second.velocity, t, axis);
    };
    for (int64_t t = 0; t < kLawFrames; ++t) {  // inside of the walls, from the first frame on
      EXPECT_NEAR(number_of(first.seen[t]), 1, 0.02) << index << " " << t;
      EXPECT_NEAR(number_of(second.seen[t]), 1, 0.02) << index << " " << t;
    }
    int64_t contact = -1;
    for (int64_t t = 1; t < kLawFrames; ++t) {
      EXPECT_NEAR(energy(t), energy(0), 1e-5 * energy(0)) << index << " " << t;
      const bool balls_met = number_of(contacts[t][0][1]) > 0;
      EXPECT_EQ(balls_met, number_of(contacts[t][1][0]) > 0);
      if (balls_met && contact < 0) contact = t;
      const bool at_wall = number_of(contacts[t].select(1, 2).sum()) > 0;
      if (!balls_met || at_wall) continue;
      for (const int64_t axis : {0, 1}) {
        EXPECT_NEAR(momentum(t, axis), momentum(t - 1, axis), 1e-4) << index << " " << t;
      }
      EXPECT_NE(first.at(first.velocity, t, 0), first.at(first.velocity, t - 1, 0));
      ++met;
    }
    EXPECT_GE(contact, 9) << index;
    EXPECT_LE(contact, 17) << index;
  }
  EXPECT_GE(met, static_cast<int64_t>(kLawEpisodes));
}

TEST(WorldPhysics, WithoutTheOtherBallTheFirstOneGoesOnUntilThenNothingDiffers) {
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto& world = world_named("collisions");
    EpisodeRequest request{.key = {1, 0, index}, .num_frames = kLawFrames};
    const auto usual = world.replay(request);
    request.removed_object = 1;
    const auto alone = world.replay(request);
    const auto contacts = state_of(usual, "object_contacts").select(1, 0).select(1, 1);
    int64_t contact = 0;
    while (number_of(contacts[contact]) == 0) ++contact;
    const auto before = state_of(usual, "object_position").select(1, 0);
    const auto after = state_of(alone, "object_position").select(1, 0);
    EXPECT_TRUE(at::equal(before.slice(0, 0, contact), after.slice(0, 0, contact))) << index;
    EXPECT_FALSE(at::equal(before[contact + 1], after[contact + 1])) << index;
    EXPECT_GT(number_of(before[contact + 3].sub(after[contact + 3]).norm()), 0.2) << index;
  }
}

TEST(WorldPhysics, SolidBallsBounceAndOthersPassThrough) {
  int64_t drawn_of_four[4] = {0, 0, 0, 0};
  for (uint64_t index = 0; index < 10; ++index) {
    EpisodeRequest request{.key = {1, 0, index}, .num_frames = 40};
    std::vector<at::Tensor> paths;
    size_t form = 0;
    for (const auto& violation : quadruplet({.kind = Violation::Kind::pass_through})) {
      request.violation = violation;
      const auto episode = world_named("collisions").replay(request);
      paths.push_back(state_of(episode, "object_position").select(1, 0));
      drawn_of_four[form++] +=
          number_of(state_of(episode, "object_visible").select(1, 1).sum()) > 0;
    }
    EXPECT_TRUE(at::equal(paths[0], paths[3]) && at::equal(paths[1], paths[2])) << index;
    EXPECT_FALSE(at::equal(paths[0], paths[1])) << index;
  }
  EXPECT_EQ(drawn_of_four[0], 10);
  EXPECT_EQ(drawn_of_four[1], 0);
  EXPECT_EQ(drawn_of_four[2], 10);
  EXPECT_EQ(drawn_of_four[3], 0);
}

TEST(WorldPhysics, BallsBehindAScreenGoOnAndComeBack) {
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("occluders").episode({1, 0, index}, kLawFrames);
    for (const int64_t k : {0, 1}) {
      const Motion ball(episode, k);
      const auto* seen = ball.seen.const_data_ptr<double>();
      std::string story;  // s seen, p partly, h hidden, without repetitions
      for (int64_t t = 0; t < kLawFrames; ++t) {
        const char now = seen[t] > 0.999 ? 's' : seen[t] < 0.001 ? 'h' : 'p';
        if (story.empty() || story.back() != now) story += now;
        if (t == 0 || ball.touches(t)) continue;
        EXPECT_NEAR(ball.at(ball.place, t, 0) - ball.at(ball.place, t - 1, 0),
                    ball.at(ball.velocity, t, 0), 1e-4);
      }
      EXPECT_EQ(story.substr(0, 5), "sphps") << index << " " << k << " " << story;
    }
  }
}

TEST(WorldPhysics, APendulumKeepsItsLengthAndEnergy) {
  double longest = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("pendulum").episode({1, 0, index}, kLawFrames);
    const Motion bob(episode);
    const double length = parameter_of(episode, "length"),
                 gravity = parameter_of(episode, "gravity");
    const double swing = parameter_of(episode, "swing");
    // At the greatest angle all energy is height: g L (1 - cos).
    const double energy = gravity * length * (1 - std::sqrt(1 - swing * swing));
    for (int64_t t = 0; t < kLawFrames; ++t) {
      const double x = bob.at(bob.place, t, 0) - 32, y = bob.at(bob.place, t, 1) - 10;
      EXPECT_NEAR(std::hypot(x, y), length, 1e-4);
      EXPECT_NEAR(bob.speed_squared(t) / 2 + gravity * (length - y), energy, 0.002 * energy)
          << index;
      longest = std::max(longest, std::abs(x) / length / swing);
    }
  }
  EXPECT_NEAR(longest, 1, 0.01);
}

TEST(WorldPhysics, ABlockStaysIfItsCentreIsOverTheTable) {
  int64_t stayed = 0, fell = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    EpisodeRequest asked{.key = {1, 0, index}, .num_frames = 96, .has_masks = true};
    const auto episode = world_named("support").replay(asked);
    const Motion block(episode);
    // The table's board as it is drawn: from one side of the frame to its free end.
    const auto board = state_of(episode, "object_mask")[0][35].eq(128);
    const double width = number_of(board.sum());
    const double edge = number_of(board[0]) > 0 ? width : 64 - width;
    const auto over_table = [&](double x) { return (x < edge) == (number_of(board[0]) > 0); };
    int64_t landing = 0;
    while (landing < 95 && !block.touches(landing)) ++landing;
    ASSERT_LT(landing, 60) << index;
    const bool stays = block.at(block.place, 95, 1) == block.at(block.place, landing + 1, 1);
    (stays ? stayed : fell) += 1;
    const double centre = block.at(block.place, landing - 1, 0);
    if (std::abs(centre - edge) > 0.5) {
      EXPECT_EQ(stays, over_table(centre)) << index;
    }
    if (stays) {
      EXPECT_TRUE(block.touches(95));
    } else {
      EXPECT_GT(block.at(block.place, 95, 1), 60) << index;
      EXPECT_LT(number_of(block.seen[95]), 1) << index;
    }
    EpisodeRequest request{.key = {1, 0, index}, .num_frames = 96};
    request.violation = {.kind = Violation::Kind::pass_through, .is_altered_after = true};
    const Motion through(world_named("support").replay(request));
    EXPECT_GT(through.at(through.place, 95, 1), 60) << index;
    EXPECT_NEAR(through.second_difference(40, 1), parameter_of(episode, "gravity"), 1e-4);
  }
  EXPECT_GT(stayed, 10);
  EXPECT_GT(fell, 10);
}

TEST(WorldPhysics, ABallInABoxIsHiddenAndGoesWithIt) {
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("containers").episode({1, 0, index}, 96);
    const Motion ball(episode, 0), first(episode, 1), second(episode, 2);
    int64_t hidden = 0;
    double moved = 0;
    for (int64_t t = 1; t < 96; ++t) {  // no leap, whichever box it is in
      EXPECT_LE(std::abs(ball.at(ball.place, t, 0) - ball.at(ball.place, t - 1, 0)),
                parameter_of(episode, "speed") + 1e-4)
          << index << " " << t;
    }
    for (int64_t t = 1; t < 96; ++t) {
      if (number_of(ball.seen[t]) > 0.001) continue;
      ++hidden;
      const double x = ball.at(ball.place, t, 0);
      EXPECT_TRUE(std::abs(x - first.at(first.place, t, 0)) < 1e-4 ||
                  std::abs(x - second.at(second.place, t, 0)) < 1e-4)
          << index << " " << t;
      moved += std::abs(x - ball.at(ball.place, t - 1, 0));
    }
    EXPECT_GT(hidden, 8) << index;
    EXPECT_GT(moved, 9.9) << index;
    EXPECT_GT(number_of(ball.seen.slice(0, 60).max()), 0.99) << "it comes out, " << index;
  }
}

TEST(WorldPhysics, GoingAndReturningShowsTheSameRoom) {
  int64_t returned = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    EpisodeRequest request{.key = {1, 0, index}, .num_frames = 17};
    for (const int64_t there : {1, 2, 3, 4}) {
      const int64_t back = there % 2 == 1 ? there + 1 : there - 1;
      request.actions = at::full({17}, there, at::kLong);
      request.actions.slice(0, 8).fill_(back);
      const auto episode = world_named("two_rooms").replay(request);
      if (number_of(state_of(episode, "object_contacts").select(1, 0).sum()) > 0) continue;
      ++returned;
      EXPECT_LE(
          number_of(
              episode.frames_THWC[0].to(at::kDouble).sub(episode.frames_THWC[16]).abs().max()),
          1);
      EXPECT_FALSE(at::equal(episode.frames_THWC[0], episode.frames_THWC[8]));
    }
  }
  EXPECT_GT(returned, 20);
}

TEST(WorldPhysics, TheAgentGoesThroughTheDoorAndNotThroughWalls) {
  int64_t crossings = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    const auto episode = world_named("two_rooms").episode({1, 0, index}, 128);
    const auto place =
        state_of(episode, "object_position").select(1, 0) + state_of(episode, "camera_position");
    double before = number_of(place[0][0]);
    for (int64_t t = 0; t < 128; ++t) {
      const double x = number_of(place[t][0]), y = number_of(place[t][1]);
      EXPECT_TRUE(x > 6.9 && x < 117.1 && y > 6.9 && y < 45.1)
          << index << " " << t << " " << x << " " << y;
      crossings += (x < 62) != (before < 62);
      before = x;
    }
  }
  EXPECT_GE(crossings, static_cast<int64_t>(2 * kLawEpisodes));
}

TEST(WorldPhysics, WhoGoesStraightOnIsStoppedByTheWallUnlessTheDoorIsThere) {
  int64_t stopped = 0, through = 0;
  for (uint64_t index = 0; index < kLawEpisodes; ++index) {
    EpisodeRequest request{.key = {1, 0, index}, .num_frames = 64};
    const auto place_of = [](const RecordedEpisode& episode, int64_t t) {
      return number_of(state_of(episode, "object_position")[t][0][0]) +
             number_of(state_of(episode, "camera_position")[t][0]);
    };
    const bool is_left = place_of(world_named("two_rooms").episode(request.key, 1), 0) < 62;
    request.actions = at::full({64}, is_left ? 2 : 1, at::kLong);
    const auto episode = world_named("two_rooms").replay(request);
    (is_left == (place_of(episode, 63) < 62) ? stopped : through) += 1;
  }
  EXPECT_GE(stopped, 16);  // the door is a third of the wall, and its edges let one slide by
  EXPECT_GT(through, 2);
}

TEST(Scene, UnequalBallsExchangeMomentumAsInOneDimension) {
  Thing heavy = disc({20, 32}, 6, {}), light = disc({31, 32}, 3, {});
  heavy.velocity = {1, 0};
  light.velocity = {-1, 0};
  Scene scene{.things = {heavy, light}, .num_objects = 2};
  for (int i = 0; i < 4; ++i) step(scene);
  // Masses 36 and 9: v1' = (m1 - m2) v1 / M + 2 m2 v2 / M.
  EXPECT_NEAR(scene.things[0].velocity.x, (27.0 - 18.0) / 45, 1e-12);
  EXPECT_NEAR(scene.things[1].velocity.x, (27.0 + 72.0) / 45, 1e-12);
}

TEST(Scene, ALossyBounceLosesWhatTheRestitutionSays) {
  Thing ball = disc({32, 59}, 4, {});
  ball.velocity = {0, 2};
  Scene scene{.things = {ball}, .num_objects = 1, .restitution = 0.5};
  step(scene);
  EXPECT_NEAR(scene.things[0].velocity.y, -1, 1e-12);
  EXPECT_EQ(scene.contacts, (std::vector<uint8_t>{0, 1}));
}

TEST(Scene, TurningKeepsTheLengthAndIsAnAngle) {
  Vector direction{1, 0};
  for (int i = 0; i < 1000; ++i) direction = turned(direction, 0.01);
  EXPECT_NEAR(length(direction), 1, 1e-12);
  EXPECT_NEAR(direction.x, std::cos(10.0), 1e-4);
  EXPECT_NEAR(direction.y, std::sin(10.0), 1e-4);
}

}  // namespace
}  // namespace nextframe
