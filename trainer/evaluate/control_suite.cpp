// The `control` suite: whether the model listens to actions.
#include <ATen/ATen.h>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

/// Episode e is told the actions of episode e + 1, the last one those of the first; a shorter
/// episode's actions start again from their beginning.
at::Tensor actions_of_next(const EpisodeSource& source, int64_t episode, const Episode& truth) {
  const auto other_TA = source.read((episode + 1) % source.num_episodes, kAllFrames).actions_TA;
  return other_TA.index_select(0, at::arange(truth.actions_TA.size(0)) % other_TA.size(0));
}

/// MSE of the model by episode, summed over its scored frames.
std::vector<double> shuffled_mse(EvaluationContext& evaluation) {
  const auto& source = evaluation.held_out();
  std::vector<double> sums(static_cast<size_t>(source.num_episodes), 0.0);
  const auto shuffled = [&](int64_t episode, const Episode& truth) {
    return actions_of_next(source, episode, truth);
  };
  evaluation.predictor().teacher_forced(source, shuffled, [&](const PredictedFrame& frame) {
    const auto true_HWC = to_unit_range(frame.truth.frames_THWC[frame.frame]);
    sums[static_cast<size_t>(frame.episode)] += mean_squared_error(frame.predicted_HWC, true_HWC);
  });
  return sums;
}

std::vector<Definition> definitions() {
  return {{"shuffle_ratio",
           "one-step mse when every episode is told the actions of the next one (the last those of "
           "the first), over the mse with its own; 1 means that actions are ignored"}};
}

SuiteReport run_control(EvaluationContext& evaluation) {
  SuiteReport report{"control", {}, {}, definitions(), {}};
  const auto& source = evaluation.held_out();
  if (source.shape.action_width == 0 || source.num_episodes < 2) {
    report.notes.push_back(source.shape.action_width == 0
                               ? "no shuffle_ratio: the data has no actions"
                               : "no shuffle_ratio: it needs two episodes or more");
    return report;
  }
  const auto& own = evaluation.one_step();
  const auto shuffled = shuffled_mse(evaluation);
  std::vector<Sums> sums;
  for (size_t episode = 0; episode < own.size(); ++episode) {
    const auto found = own[episode].by_predictor.find("model");
    if (found == own[episode].by_predictor.end()) continue;
    double own_mse = 0;
    for (const auto& score : found->second) own_mse += score.mse;
    sums.push_back({shuffled[episode], own_mse});
  }
  report.figures.push_back({"shuffle_ratio", evaluation.bootstrap().figure(sums, [](const Sums& s) {
                              return ratio(s[0], s[1]);
                            })});
  return report;
}

NF_REGISTER_SUITE(control, "whether predictions get worse when the actions are another episode's",
                  run_control)

}  // namespace
}  // namespace nextframe
