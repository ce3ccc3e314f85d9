#include "trainer/evaluate/evaluate.h"

#include "data/error.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

const Suite& suite_named(const std::string& name) {
  try {
    return SuiteRegistry::instance().get(name, "evaluation suite");
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
}

void check_source(const EpisodeSource& held_out) {
  if (held_out.num_episodes() > 0) return;
  throw DataError(c10::str("evaluate: of ", held_out.num_passed_over,
                           " held-out episodes none has ", kFirstScoredFrame + 1,
                           " frames, of which the last is the first that ",
                           "is scored; give longer ones"));
}

}  // namespace

std::vector<std::string> known_suites() { return SuiteRegistry::instance().names(); }

std::vector<std::string> quick_suites() {
  auto names = known_suites();
  std::erase_if(names, [](const std::string& name) { return suite_named(name).is_long; });
  return names;
}

EvaluationReport evaluate(WorldModel& model, const EpisodeSource& held_out,
                          const EpisodeSource* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites,
                          const EvaluationProgress& progress, const EvaluationAids& aids) {
  const auto names = suites.empty() ? known_suites() : suites;
  for (const auto& name : names) suite_named(name);  // a misspelt one is told before the work
  check_source(held_out);

  EvaluationReport report;
  report.data_fingerprint = held_out.fingerprint;
  report.episodes = held_out.num_episodes();
  report.passed_over = held_out.num_passed_over;
  report.clip_frames = held_out.shape.clip_frames;
  report.context_frames = config.context_frames;
  report.horizon_frames = config.horizon_frames;
  report.denoise_steps = config.denoise_steps;
  EvaluationContext context(model, held_out, train_for_mean_frame, config, progress, aids);
  report.mean_frame_source = context.mean_frame_source();
  for (const auto& name : names) {
    const auto& suite = suite_named(name);
    auto unmet = unmet_needs(suite.needs, model, context.held_out());
    for (auto& need : unmet) need = "left out: " + need;
    report.suites.push_back(unmet.empty() ? suite.run(context)
                                          : SuiteReport{name, {}, {}, {}, std::move(unmet)});
  }
  return report;
}

EpisodeSource evaluated_episodes(const Dataset& validation, const EvaluateConfig& config) {
  auto source = first_episodes(validation, config.episodes, kFirstScoredFrame + 1);
  check_source(source);
  return source;
}

EvaluationReport evaluate(WorldModel& model, const Dataset& validation,
                          const Dataset* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites,
                          const EvaluationProgress& progress, const EvaluationAids& aids) {
  const auto held_out = evaluated_episodes(validation, config);
  if (train_for_mean_frame == nullptr) {
    return evaluate(model, held_out, nullptr, config, suites, progress, aids);
  }
  const auto train = all_episodes(*train_for_mean_frame);
  return evaluate(model, held_out, &train, config, suites, progress, aids);
}

EvaluationContext::EvaluationContext(WorldModel& model, EpisodeSource held_out,
                                     const EpisodeSource* train_for_mean_frame,
                                     EvaluateConfig config, EvaluationProgress progress,
                                     EvaluationAids aids)
    : held_out_(with_latent_actions(std::move(held_out), model)),
      mean_frame_HWC_(mean_frame(train_for_mean_frame ? *train_for_mean_frame : held_out_,
                                 [&progress] {
                                   if (progress) progress("mean frame", 0, 0);
                                 })),
      mean_frame_source_(train_for_mean_frame ? "training data" : "evaluated data"),
      config_(config),
      progress_(std::move(progress)),
      aids_(std::move(aids)),
      predictor_(model, rollout_options(config), progress_) {}

const std::vector<EpisodeScores>& EvaluationContext::one_step() {
  if (one_step_) return *one_step_;
  std::vector<EpisodeScores> scores(held_out_.episodes.size(), {kFirstScoredFrame, {}});
  if (!model().can_step()) return one_step_.emplace(std::move(scores));
  predictor_.teacher_forced(held_out_, own_actions, [&](const PredictedFrame& frame) {
    score(frame, frame.frame, scores[frame.place]);
  });
  return one_step_.emplace(std::move(scores));
}

std::vector<EpisodeScores> EvaluationContext::rollouts() {
  std::vector<EpisodeScores> scores(held_out_.episodes.size(), {config_.context_frames, {}});
  predictor_.rollouts(held_out_, all_places(held_out_), config_.context_frames,
                      config_.horizon_frames, [&](const PredictedFrame& frame) {
                        score(frame, config_.context_frames, scores[frame.place]);
                      });
  return scores;
}

std::vector<EpisodeScores> EvaluationContext::rollouts(const RolloutOptions& options,
                                                       int64_t episodes, int64_t horizon) {
  auto places = all_places(held_out_);
  places.resize(std::min(places.size(), static_cast<size_t>(episodes)));
  std::vector<EpisodeScores> scores(places.size(), {config_.context_frames, {}});
  const auto usual = predictor_.exchange_options(options);
  predictor_.rollouts(held_out_, places, config_.context_frames, horizon,
                      [&](const PredictedFrame& frame) {
                        score(frame, config_.context_frames, scores[frame.place]);
                      });
  predictor_.exchange_options(usual);
  return scores;
}

void EvaluationContext::score(const PredictedFrame& frame, int64_t known_frames,
                              EpisodeScores& scores) const {
  const auto true_HWC = to_unit_range(frame.true_HWC());
  scores.by_predictor["model"].push_back(score_frame(frame.predicted_HWC, true_HWC));
  const auto baselines = baseline_frames(frame.truth.frames_THWC, known_frames - frame.truth_begin,
                                         frame.frame - known_frames + 1, mean_frame_HWC_);
  for (const auto& [name, baseline_HWC] : baselines) {
    scores.by_predictor[name].push_back(score_frame(baseline_HWC, true_HWC));
  }
}

}  // namespace nextframe
