#include "trainer/evaluate/evaluation_context.h"

#include "trainer/evaluate/predictor.h"

namespace nextframe {

EvaluationContext::EvaluationContext(WorldModel& model, EpisodeSource held_out,
                                     const EpisodeSource* train_for_mean_frame,
                                     EvaluateConfig config, EvaluationProgress progress)
    : held_out_(std::move(held_out)),
      mean_frame_HWC_(mean_frame(train_for_mean_frame ? *train_for_mean_frame : held_out_)),
      mean_frame_source_(train_for_mean_frame ? "training data" : "evaluated data"),
      config_(config),
      predictor_(model, RolloutOptions{config.denoise_steps, 0}, std::move(progress)) {}

const std::vector<EpisodeScores>& EvaluationContext::one_step() {
  if (one_step_) return *one_step_;
  std::vector<EpisodeScores> scores(static_cast<size_t>(held_out_.num_episodes),
                                    {kFirstScoredFrame, {}});
  const auto own_actions = [](int64_t, const Episode& truth) { return truth.actions_TA; };
  predictor_.teacher_forced(held_out_, own_actions, [&](const PredictedFrame& frame) {
    score(frame, frame.frame, scores[static_cast<size_t>(frame.episode)]);
  });
  return one_step_.emplace(std::move(scores));
}

std::vector<EpisodeScores> EvaluationContext::rollouts() {
  std::vector<EpisodeScores> scores(static_cast<size_t>(held_out_.num_episodes),
                                    {config_.context_frames, {}});
  predictor_.rollouts(held_out_, all_episodes(held_out_), config_.context_frames,
                      config_.horizon_frames, [&](const PredictedFrame& frame) {
                        score(frame, config_.context_frames,
                              scores[static_cast<size_t>(frame.episode)]);
                      });
  return scores;
}

void EvaluationContext::score(const PredictedFrame& frame, int64_t known_frames,
                              EpisodeScores& scores) const {
  const auto true_HWC = to_unit_range(frame.truth.frames_THWC[frame.frame]);
  scores.by_predictor["model"].push_back(score_frame(frame.predicted_HWC, true_HWC));
  const auto baselines = baseline_frames(frame.truth.frames_THWC, known_frames,
                                         frame.frame - known_frames + 1, mean_frame_HWC_);
  for (const auto& [name, baseline_HWC] : baselines) {
    scores.by_predictor[name].push_back(score_frame(baseline_HWC, true_HWC));
  }
}

}  // namespace nextframe
