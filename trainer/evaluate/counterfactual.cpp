#include "trainer/evaluate/counterfactual.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "kernels/base/philox.h"
#include "trainer/evaluate/metrics.h"

namespace nextframe {
namespace {

constexpr uint64_t kOtherActionsKey = 0x6F74686572616374;  // "otheract": shares no bits with others
constexpr size_t kCounterfactualEpisodes = 32;
constexpr int64_t kCounterfactualHorizon = 16;

/// An episode under other actions from the last frame of the context on.
struct OtherCourse {
  at::Tensor actions_TA;   // one-hot, what the model is told
  at::Tensor frames_THWC;  // uint8, the simulator's
  int64_t first_change = 0;
};

using OtherCourses = std::map<size_t, OtherCourse>;  // by place

/// The action at frame t of an episode.
using ChooseAction = std::function<int64_t(int64_t number, int64_t t, int64_t num_actions)>;

int64_t random_action(int64_t number, int64_t t, int64_t num_actions) {
  const Philox bits(kOtherActionsKey, static_cast<uint64_t>(t), static_cast<uint64_t>(number));
  return static_cast<int64_t>(bits.value[0] * static_cast<uint64_t>(num_actions) >> 32);
}

const ActionSpace& actions_of_world(const EpisodeSource& source, int64_t number) {
  return WorldRegistry::instance().get(source.origin(number)->world, "world").action_space;
}

/// The action that does nothing, by its name; -1 if none is called so.
int64_t no_op_of(const ActionSpace& space) {
  for (const std::string name : {"stay", "noop", "no_op", "none", "wait", "nothing"}) {
    const auto found = std::ranges::find(space.names, name);
    if (found != space.names.end()) return found - space.names.begin();
  }
  return -1;
}

int64_t frames_of_course(const EvaluationContext& evaluation, const SourceEpisode& episode) {
  const int64_t horizon = std::min(kCounterfactualHorizon, evaluation.config().horizon_frames);
  return std::min(episode.num_frames, evaluation.config().context_frames + horizon);
}

/// The courses of those episodes of which the other actions change anything.
OtherCourses other_courses(const EvaluationContext& evaluation, const ChooseAction& choose) {
  const auto& source = evaluation.held_out();
  const int64_t context = evaluation.config().context_frames;
  OtherCourses courses;
  const auto count = std::min(source.episodes.size(), kCounterfactualEpisodes);
  for (size_t place = 0; place < count; ++place) {
    const auto& episode = source.episodes[place];
    const int64_t num_frames = frames_of_course(evaluation, episode);
    if (num_frames <= context) continue;
    const auto truth = source.read(episode.number, 0, num_frames);
    const auto actions_T = truth.actions_TA.argmax(1).contiguous();
    const int64_t num_actions = actions_of_world(source, episode.number).width;
    for (int64_t t = context - 1; t < num_frames; ++t)
      actions_T[t] = choose(episode.number, t, num_actions);
    const auto frames_THWC =
        replayed(source, episode.number, {.num_frames = num_frames, .actions = actions_T})
            .frames_THWC;
    const auto changed_T = frames_THWC.ne(truth.frames_THWC).flatten(1).any(1);
    if (!changed_T.any().item<bool>()) continue;
    courses[place] = {at::one_hot(actions_T, truth.actions_TA.size(1)).to(at::kFloat), frames_THWC,
                      changed_T.to(at::kInt).argmax().item<int64_t>()};
  }
  return courses;
}

/// Sums of one episode: errors of the dream under the other actions, and of the dream under the
/// recorded ones; over all pixels, then over those that the change alters.
enum CounterfactualSum : size_t { kTold, kUntold, kToldShown, kUntoldShown, kNumSums };

/// Adds the errors of dreams against the simulator's other course, to sums `first` and `first` + 2.
void add_errors(EvaluationContext& evaluation, const OtherCourses& courses, bool are_told,
                std::map<size_t, Sums>& sums) {
  std::vector<size_t> places;
  for (const auto& [place, course] : courses) places.push_back(place);
  const auto other_actions = [&](size_t place, int64_t, const Episode& truth) {
    return are_told ? courses.at(place).actions_TA.slice(0, 0, truth.actions_TA.size(0))
                    : truth.actions_TA;
  };
  const size_t first = are_told ? kTold : kUntold;
  evaluation.predictor().rollouts(
      evaluation.held_out(), places, evaluation.config().context_frames,
      std::min(kCounterfactualHorizon, evaluation.config().horizon_frames),
      [&](const PredictedFrame& frame) {
        const auto& course = courses.at(frame.place);
        if (frame.frame < course.first_change) return;
        const auto other_HWC = course.frames_THWC[frame.frame];
        const auto changed_HW1 = other_HWC.ne(frame.true_HWC()).any(2, true);
        const auto error_HWC = (frame.predicted_HWC - to_unit_range(other_HWC)).square();
        auto& own = sums.try_emplace(frame.place, Sums(kNumSums, 0.0)).first->second;
        own[first] += error_HWC.sum(at::kDouble).item<double>();
        own[first + kToldShown] += (error_HWC * changed_HW1).sum(at::kDouble).item<double>();
      },
      other_actions);
}

std::vector<Sums> counterfactual_sums(EvaluationContext& evaluation, const ChooseAction& choose) {
  const auto courses = other_courses(evaluation, choose);
  std::map<size_t, Sums> sums;
  if (courses.empty()) return {};
  add_errors(evaluation, courses, true, sums);
  add_errors(evaluation, courses, false, sums);
  std::vector<Sums> all;
  for (auto& [place, own] : sums) all.push_back(std::move(own));
  return all;
}

double whole_ratio(const Sums& s) { return ratio(s[kTold], s[kUntold]); }
double shown_ratio(const Sums& s) { return ratio(s[kToldShown], s[kUntoldShown]); }

/// Why other actions cannot be tried, or "".
std::string counterfactual_problem(const EvaluationContext& evaluation) {
  const auto& source = evaluation.held_out();
  if (evaluation.model().num_latent_actions() > 0)
    return "the model's actions are codes of its own, which no simulator takes";
  const auto problem = replay_problem(source);
  if (!problem.empty()) return problem;
  for (const auto& episode : source.episodes) {
    if (actions_of_world(source, episode.number).kind != ActionSpace::Kind::discrete)
      return "its world has no actions that are choices";
  }
  return "";
}

}  // namespace

std::vector<Definition> counterfactual_definitions() {
  return {
      {"counterfactual_ratio",
       c10::str("other actions are drawn from the last frame of the context on, and the simulator "
                "replays the episode under them; squared error of the dream under these actions "
                "against the simulator's frames, over that of the dream under the recorded ones, "
                "from the first frame that differs, in dreams of ",
                kCounterfactualHorizon, " frames of the first ", kCounterfactualEpisodes,
                " episodes; 0 is perfect, 1 means that the change is ignored")},
      {"counterfactual_shown_ratio", "the same over the pixels that the other actions alter"},
      {"no_op_ratio",
       "counterfactual_shown_ratio where every other action is the one that does nothing"}};
}

void add_counterfactuals(EvaluationContext& evaluation, SuiteReport& report) {
  const auto problem = counterfactual_problem(evaluation);
  if (!problem.empty()) {
    report.notes.push_back("no counterfactual_ratio: " + problem);
    return;
  }
  auto& bootstrap = evaluation.bootstrap();
  const auto sums = counterfactual_sums(evaluation, random_action);
  if (sums.empty()) {
    report.notes.push_back("no counterfactual_ratio: no episode is changed by other actions");
    return;
  }
  report.figures.push_back({"counterfactual_ratio", bootstrap.figure(sums, whole_ratio)});
  report.figures.push_back({"counterfactual_shown_ratio", bootstrap.figure(sums, shown_ratio)});
  const auto& source = evaluation.held_out();
  const int64_t no_op = no_op_of(actions_of_world(source, source.episodes.front().number));
  if (no_op < 0) {
    report.notes.push_back("no no_op_ratio: no action of the world has a name such as stay");
    return;
  }
  const auto still =
      counterfactual_sums(evaluation, [no_op](int64_t, int64_t, int64_t) { return no_op; });
  if (!still.empty())
    report.figures.push_back({"no_op_ratio", bootstrap.figure(still, shown_ratio)});
}

}  // namespace nextframe
