// The `control` suite: whether the model listens to actions.
#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

/// `count` actions from `first` on of an episode that starts again when it has ended.
at::Tensor repeated_actions(const EpisodeSource& source, const SourceEpisode& episode,
                            int64_t first, int64_t count) {
  std::vector<at::Tensor> parts;
  for (int64_t taken = 0; taken < count;) {
    const int64_t begin = (first + taken) % episode.num_frames;
    const int64_t part = std::min(count - taken, episode.num_frames - begin);
    parts.push_back(source.read_actions(episode.number, begin, part));
    taken += part;
  }
  return at::cat(parts);
}

/// MSE of the model by episode, summed over its scored frames, where each episode is told the
/// actions of the next one, and the last those of the first.
std::vector<double> shuffled_mse(EvaluationContext& evaluation) {
  const auto& source = evaluation.held_out();
  std::vector<double> sums(source.episodes.size(), 0.0);
  const auto shuffled = [&](size_t place, int64_t first, const Episode& truth) {
    const auto& next = source.episodes[(place + 1) % source.episodes.size()];
    return repeated_actions(source, next, first, truth.actions_TA.size(0));
  };
  evaluation.predictor().teacher_forced(source, shuffled, [&](const PredictedFrame& frame) {
    sums[frame.place] += mean_squared_error(frame.predicted_HWC, to_unit_range(frame.true_HWC()));
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
                  run_control, {.has_actions = true, .episodes = 2})

}  // namespace
}  // namespace nextframe
