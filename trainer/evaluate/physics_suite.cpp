// The `physics` suite: whether dreams keep the laws of a simulated world. Objects are found by
// their colours in dreamed and in true frames alike, and compared with the true state; what the
// parser itself gets wrong in true frames stands beside every figure.
#include <algorithm>
#include <cmath>

#include "trainer/evaluate/object_tracks.h"

namespace nextframe {
namespace {

/// By sqrt: std::hypot would need a newer C library than the bundle promises.
double distance_of(double x, double y) { return std::sqrt(x * x + y * y); }

constexpr int64_t kGravityHorizon = 16;  // dreamed frames in which gravity is measured
constexpr int64_t kLeastFlight = 5;      // frames of free flight that a parabola is fitted to
// A dream is abnormal if for three frames on end an object that should be seen as a whole is
// missing, has a colour this far off, or an area this many times off; or if one has jumped.
constexpr int64_t kAbnormalFrames = 3;
constexpr double kAbnormalColour = 0.25, kAbnormalArea = 1.5, kAbnormalJump = 3, kAnyJump = 4;

/// What an episode adds, over the frames and objects in question.
enum PhysicsSum : size_t {
  kShould,         // times that an object should be seen as a whole
  kSeen,           // of those, it is
  kPosition,       // px off, of what is seen
  kPairs,          // times that it is seen in this frame and the one before
  kVelocity,       // px/frame off
  kColour,         // distance from the true colour
  kArea,           // |area / parsed true area - 1|
  kPhysicsFrames,  // frames
  kMiscounts,      // objects too many or too few
  kNumPhysicsSums
};

/// Adds row `h` of one predictor's track.
void add_row(const ObjectTracks& tracks, const std::vector<std::vector<Sighting>>& seen, size_t h,
             Sums& sums) {
  const auto& parsed = tracks.seen.at("parser");
  sums[kPhysicsFrames] += 1;
  for (size_t k = 0; k < tracks.colours.size(); ++k) {
    const auto& truth = tracks.truth[h][k];
    const auto& before = tracks.truth[h - 1][k];
    const auto& sighting = seen[h][k];
    if (truth.is_hidden()) sums[kMiscounts] += sighting.is_seen() ? 1 : 0;
    if (!truth.is_whole()) continue;
    sums[kShould] += 1;
    sums[kMiscounts] += sighting.is_seen() ? 0 : 1;
    if (!sighting.is_seen()) continue;
    sums[kSeen] += 1;
    sums[kPosition] += distance_of(sighting.x - truth.x, sighting.y - truth.y);
    sums[kColour] += distance(sighting.colour, tracks.colours[k]);
    if (parsed[h][k].is_seen()) {
      sums[kArea] += std::abs(sighting.area_px / parsed[h][k].area_px - 1);
    }
    if (!before.is_whole() || !seen[h - 1][k].is_seen()) continue;
    sums[kPairs] += 1;
    sums[kVelocity] += distance_of(sighting.x - seen[h - 1][k].x - (truth.x - before.x),
                                   sighting.y - seen[h - 1][k].y - (truth.y - before.y));
  }
}

/// Sums over horizons [first, last) of each episode that reaches `first`.
std::vector<Sums> physics_sums(const std::vector<ObjectTracks>& episodes, const std::string& name,
                               int64_t first, int64_t last) {
  std::vector<Sums> result;
  for (const auto& tracks : episodes) {
    if (tracks.horizon() < first) continue;
    Sums sums(kNumPhysicsSums, 0.0);
    for (int64_t h = first; h < std::min(last, tracks.horizon() + 1); ++h) {
      add_row(tracks, tracks.seen.at(name), static_cast<size_t>(h), sums);
    }
    result.push_back(std::move(sums));
  }
  return result;
}

/// A figure is one of these sums over another.
struct PhysicsFigure {
  const char* name;
  PhysicsSum sum, count;
  bool is_in_table;
};

constexpr PhysicsFigure kPhysicsFigures[] = {{"position_error_px", kPosition, kSeen, true},
                                             {"velocity_error_px", kVelocity, kPairs, true},
                                             {"seen_share", kSeen, kShould, true},
                                             {"colour_error", kColour, kSeen, false},
                                             {"size_error", kArea, kSeen, false},
                                             {"count_error", kMiscounts, kPhysicsFrames, false}};

double share_of(const Sums& s) { return s[0] / s[1]; }

/// Over the episodes that have anything to count.
Figure figure_of(const std::vector<Sums>& episodes, const PhysicsFigure& which,
                 Bootstrap& bootstrap) {
  std::vector<Sums> counted;
  for (const auto& sums : episodes) {
    if (sums[which.count] > 0) counted.push_back({sums[which.sum], sums[which.count]});
  }
  return bootstrap.figure(counted, share_of);
}

/// What is wrong with an object in row `h`, if it is to be seen as a whole.
bool is_odd(const ObjectTracks& tracks, const Sighting& sighting, size_t h, size_t k) {
  if (!tracks.truth[h][k].is_whole()) return false;
  if (!sighting.is_seen()) return true;
  const auto& parsed = tracks.seen.at("parser")[h][k];
  const double area = parsed.is_seen() ? sighting.area_px / parsed.area_px : 1;
  return distance(sighting.colour, tracks.colours[k]) > kAbnormalColour || area > kAbnormalArea ||
         area < 1 / kAbnormalArea;
}

bool is_abnormal(const ObjectTracks& tracks, const std::string& name) {
  const auto& seen = tracks.seen.at(name);
  for (size_t k = 0; k < tracks.colours.size(); ++k) {
    double fastest = 0;
    for (size_t h = 1; h < seen.size(); ++h) {
      const auto &now = tracks.truth[h][k], &before = tracks.truth[h - 1][k];
      fastest = std::max(fastest, distance_of(now.x - before.x, now.y - before.y));
    }
    int64_t odd = 0;
    for (size_t h = 1; h < seen.size(); ++h) {
      odd = is_odd(tracks, seen[h][k], h, k) ? odd + 1 : 0;
      const auto &now = seen[h][k], &before = seen[h - 1][k];
      const double jump = distance_of(now.x - before.x, now.y - before.y);
      const bool was_whole = tracks.truth[h][k].is_whole() && tracks.truth[h - 1][k].is_whole();
      const bool jumped = now.is_seen() && before.is_seen() && was_whole &&
                          jump > kAbnormalJump * fastest + kAnyJump;
      if (odd >= kAbnormalFrames || jumped) return true;
    }
  }
  return false;
}

/// Whether the object is in free flight at row h: the truth's second difference is the gravity.
bool flies(const ObjectTracks& tracks, const std::vector<std::vector<Sighting>>& seen, size_t h,
           size_t k) {
  const auto &before = tracks.truth[h - 1][k], &now = tracks.truth[h][k],
             &after = tracks.truth[h + 1][k];
  const double slack = 0.02 * tracks.gravity;
  for (const size_t i : {h - 1, h, h + 1}) {
    if (!tracks.truth[i][k].is_whole() || !seen[i][k].is_seen()) return false;
  }
  return std::abs(after.y - 2 * now.y + before.y - tracks.gravity) < slack &&
         std::abs(after.x - 2 * now.x + before.x) < slack;
}

/// Adds the gravity of rows [first, last): of the least squares parabola through the heights, its
/// part that is orthogonal to straight lines; {estimate, truth} times their weight.
void add_flight(const ObjectTracks& tracks, const std::vector<std::vector<Sighting>>& seen,
                size_t k, size_t first, size_t last, Sums& sums) {
  const auto count = static_cast<double>(last - first);
  if (count < static_cast<double>(kLeastFlight)) return;
  const double middle = (count - 1) / 2, mean_square = (count * count - 1) / 12;
  double product = 0, square = 0;
  for (size_t h = first; h < last; ++h) {
    const double t = static_cast<double>(h - first) - middle, q = t * t - mean_square;
    product += q * seen[h][k].y;
    square += q * q;
  }
  sums[0] += 2 * product;  // y = g t^2 / 2, so g = 2 product / square
  sums[1] += tracks.gravity * square;
}

std::vector<Sums> gravity_sums(const std::vector<ObjectTracks>& episodes, const std::string& name) {
  std::vector<Sums> result;
  for (const auto& tracks : episodes) {
    const auto& seen = tracks.seen.at(name);
    const auto end = static_cast<size_t>(std::min(tracks.horizon(), kGravityHorizon)) + 1;
    Sums sums(2, 0.0);
    for (size_t k = 0; tracks.gravity > 0 && k < tracks.colours.size(); ++k) {
      for (size_t first = 1; first + 2 < end;) {
        size_t last = first + 1;  // the run's rows are [first, last]
        while (last + 1 < end && flies(tracks, seen, last, k)) ++last;
        if (last > first + 1) add_flight(tracks, seen, k, first, last + 1, sums);
        first = last;
      }
    }
    if (sums[1] > 0) result.push_back(std::move(sums));
  }
  return result;
}

std::vector<Definition> physics_definitions() {
  return {
      {"parser",
       "the same figure of true frames: what finding objects by colour gets wrong itself"},
      {"constant_velocity", "each object goes on as between the last two frames of the context"},
      {"position_error_px",
       "distance of a seen object's centroid from its true centre, of objects "
       "that are seen as a whole in the truth; missing ones are in seen_share"},
      {"velocity_error_px", "the same of its displacement since the frame before, px/frame"},
      {"colour_error", "distance from the object's true colour, RGB in [0, 1]"},
      {"size_error", "|area / area in the true frame - 1|"},
      {"seen_share", "of the objects that should be seen as a whole, those that are"},
      {"count_error", "objects that are missing or too many, a frame"},
      {"abnormal_share",
       c10::str("dreams in which for ", kAbnormalFrames,
                " frames on end an object is missing, its colour ", kAbnormalColour,
                " or its area ", kAbnormalArea, " times off; or it jumps ", kAbnormalJump,
                " times as far as it ever moves and ", kAnyJump, " px more")},
      {"gravity_ratio", c10::str("gravity in the dream over the true one, by parabolas through the "
                                 "heights in free flight, in its first ",
                                 kGravityHorizon, " frames; 1 is right, 0 is none")}};
}

SuiteReport run_physics(EvaluationContext& evaluation) {
  SuiteReport report{"physics", {}, {}, physics_definitions(), {}};
  const auto episodes = object_tracks(evaluation);
  if (episodes.empty()) {
    report.notes.push_back("no physics: no episode is longer than the context");
    return report;
  }
  const int64_t horizon = evaluation.config().horizon_frames;
  auto& bootstrap = evaluation.bootstrap();
  FigureTable table{"rollout", "horizon", {}};
  for (int64_t h = 1; h <= horizon; ++h) table.rows.push_back({h, {}});
  for (const std::string name : {"model", "parser", "copy_last", "constant_velocity"}) {
    const std::string prefix = name == "model" ? "" : name + ".";
    const auto whole = physics_sums(episodes, name, 1, horizon + 1);
    for (const auto& which : kPhysicsFigures) {
      report.figures.push_back({prefix + which.name, figure_of(whole, which, bootstrap)});
    }
    std::vector<Sums> abnormal;
    for (const auto& tracks : episodes)
      abnormal.push_back({is_abnormal(tracks, name) ? 1.0 : 0, 1});
    report.figures.push_back({prefix + "abnormal_share", bootstrap.figure(abnormal, share_of)});
    const auto gravity = gravity_sums(episodes, name);
    if (!gravity.empty()) {
      report.figures.push_back({prefix + "gravity_ratio", bootstrap.figure(gravity, share_of)});
    }
    for (auto& row : table.rows) {
      const auto sums = physics_sums(episodes, name, row.key, row.key + 1);
      for (const auto& which : kPhysicsFigures) {
        const auto figure = which.is_in_table ? figure_of(sums, which, bootstrap) : Figure{};
        if (figure.n > 0) row.figures.push_back({prefix + which.name, figure});
      }
    }
  }
  std::erase_if(table.rows, [](const auto& row) { return row.figures.empty(); });
  report.tables.push_back(std::move(table));
  return report;
}

NF_REGISTER_LONG_SUITE(physics, "position, velocity, colour, size and gravity of dreamed objects",
                       run_physics, {.columns = kTrackedColumns})

}  // namespace
}  // namespace nextframe
