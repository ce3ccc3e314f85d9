// The `recovery` suite: whether the action that was taken can be told from what the model predicts
// under each that could have been taken.
#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

constexpr int64_t kMostActions = 16;
constexpr int64_t kContexts[] = {1, 2, 3, 4};  // times evaluate.context_frames

/// The error of the next frame after `context` true ones, by place and action; absent where an
/// episode is too short.
std::map<size_t, std::vector<double>> errors_by_action(EvaluationContext& evaluation,
                                                       int64_t context) {
  const auto& source = evaluation.held_out();
  const int64_t width = source.shape.action_width;
  std::map<size_t, std::vector<double>> errors;
  for (int64_t action = 0; action < width; ++action) {
    const auto told = [&](size_t, int64_t, const Episode& truth) {
      auto actions_TA = truth.actions_TA.clone();
      actions_TA[context - 1].zero_()[action] = 1;
      return actions_TA;
    };
    evaluation.predictor().rollouts(
        source, all_places(source), context, 1,
        [&](const PredictedFrame& frame) {
          errors[frame.place].push_back(
              mean_squared_error(frame.predicted_HWC, to_unit_range(frame.true_HWC())));
        },
        told);
  }
  return errors;
}

std::vector<Definition> definitions_of_recovery(int64_t context) {
  return {{"top_1",
           c10::str("share of frames for which, of all actions, the one that was taken gives the "
                    "prediction nearest to the true next frame; after ",
                    context, ", ", 2 * context, ", ", 3 * context, " and ", 4 * context,
                    " frames of each episode; equal predictions share the point")},
          {"chance", "1 / the number of actions"},
          {"gain", "top_1 less chance; above 0, predictions depend on actions as the world does"}};
}

SuiteReport run_recovery(EvaluationContext& evaluation) {
  const int64_t context = evaluation.config().context_frames;
  SuiteReport report{"recovery", {}, {}, definitions_of_recovery(context), {}};
  const auto& source = evaluation.held_out();
  const int64_t width = source.shape.action_width;
  const auto& first = source.episodes.front();
  if (width < 2 || width > kMostActions ||
      !are_choices(source.read_actions(first.number, 0, first.num_frames))) {
    report.notes.push_back(
        c10::str("no recovery: it needs actions that are one of 2 to ", kMostActions, " choices"));
    return report;
  }
  std::vector<Sums> sums(source.episodes.size(), Sums{0, 0});
  for (const int64_t times : kContexts) {
    const int64_t known = times * context;
    for (const auto& [place, errors] : errors_by_action(evaluation, known)) {
      const auto taken = source.read_actions(source.episodes[place].number, known - 1, 1)[0]
                             .argmax()
                             .item<int64_t>();
      const double least = *std::min_element(errors.begin(), errors.end());
      const auto ties = std::count(errors.begin(), errors.end(), least);
      if (errors[static_cast<size_t>(taken)] == least)
        sums[place][0] += 1 / static_cast<double>(ties);
      sums[place][1] += 1;
    }
  }
  std::erase_if(sums, [](const Sums& s) { return s[1] == 0; });
  if (sums.empty()) {
    report.notes.push_back("no recovery: no episode is longer than the context");
    return report;
  }
  const double chance = 1 / static_cast<double>(width);
  auto& bootstrap = evaluation.bootstrap();
  report.figures.push_back(
      {"top_1", bootstrap.figure(sums, [](const Sums& s) { return s[0] / s[1]; })});
  report.figures.push_back({"chance", {chance, chance, chance, report.figures[0].figure.n}});
  report.figures.push_back(
      {"gain", bootstrap.figure(sums, [chance](const Sums& s) { return s[0] / s[1] - chance; })});
  return report;
}

NF_REGISTER_LONG_SUITE(recovery, "whether the action taken can be told from what is predicted",
                       run_recovery, {.has_actions = true})

}  // namespace
}  // namespace nextframe
