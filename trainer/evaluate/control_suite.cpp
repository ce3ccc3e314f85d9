// The `control` suite: whether the model listens to actions.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/draws.h"
#include "trainer/evaluate/counterfactual.h"
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

constexpr int64_t kDeltaFrame = 4;  // as in Genie

/// Of choices and latent actions: uniformly random ones. Of numbers: the next episode's.
at::Tensor random_actions(const EpisodeSource& source, size_t place, const Episode& truth) {
  const auto& own_TA = truth.actions_TA;
  const int64_t frames = own_TA.size(0), width = own_TA.size(1);
  if (!are_choices(own_TA)) {
    return repeated_actions(source, source.episodes[(place + 1) % source.episodes.size()], 0,
                            frames);
  }
  const auto episode = at::tensor({source.episodes[place].number});
  const auto uniform_TA =
      draw_uniform(as_tensor(Draw{0, 0}), DrawStream::dropout, episode, {frames, width})[0];
  return at::one_hot(uniform_TA.argmax(1), width).to(at::kFloat);
}

/// PSNR of dreamed frame kDeltaFrame by episode; NaN where an episode is too short.
std::vector<double> dreamed_psnr(EvaluationContext& evaluation, const ActionsOf& actions_of) {
  const auto& source = evaluation.held_out();
  const int64_t context = evaluation.config().context_frames;
  std::vector<double> psnr(source.episodes.size(), std::nan(""));
  evaluation.predictor().rollouts(
      source, all_places(source), context, kDeltaFrame,
      [&](const PredictedFrame& frame) {
        if (frame.frame != context + kDeltaFrame - 1) return;
        const auto truth_HWC = to_unit_range(frame.true_HWC());
        psnr[frame.place] = psnr_db(mean_squared_error(frame.predicted_HWC, truth_HWC));
      },
      actions_of);
  return psnr;
}

void add_delta_psnr(EvaluationContext& evaluation, SuiteReport& report) {
  const auto& source = evaluation.held_out();
  const auto own = dreamed_psnr(evaluation, own_actions);
  const auto random =
      dreamed_psnr(evaluation, [&](size_t place, int64_t /*first*/, const Episode& truth) {
        return random_actions(source, place, truth);
      });
  std::vector<Sums> sums;
  for (size_t episode = 0; episode < own.size(); ++episode) {
    if (!std::isnan(own[episode])) sums.push_back({own[episode] - random[episode], 1.0});
  }
  if (sums.empty()) {
    report.notes.push_back("no delta_psnr_db: no episode is long enough");
    return;
  }
  report.figures.push_back({"delta_psnr_db", evaluation.bootstrap().figure(
                                                 sums, [](const Sums& s) { return s[0] / s[1]; })});
}

std::vector<Definition> definitions() {
  return {{"shuffle_ratio",
           "one-step mse when every episode is told the actions of the next one (the last those of "
           "the first), over the mse with its own; 1 means that actions are ignored"},
          {"delta_psnr_db",
           c10::str("PSNR of dreamed frame ", kDeltaFrame,
                    " with the episode's own actions, less that with random ones (of actions that "
                    "are numbers, the next episode's), mean over episodes; 0 means that actions "
                    "are ignored (Genie's delta_t PSNR)")}};
}

SuiteReport run_control(EvaluationContext& evaluation) {
  SuiteReport report{"control", {}, {}, definitions(), {}};
  for (auto& more : counterfactual_definitions()) report.definitions.push_back(std::move(more));
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
  add_delta_psnr(evaluation, report);
  add_counterfactuals(evaluation, report);
  return report;
}

NF_REGISTER_SUITE(control, "whether predictions get worse when the actions are another episode's",
                  run_control, {.steps = true, .has_actions = true, .episodes = 2})

}  // namespace
}  // namespace nextframe
