// An evaluation: takes data and a model, runs the registered suites, returns a report.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/registry.h"
#include "trainer/evaluate/clip_features.h"
#include "trainer/evaluate/episode_source.h"
#include "trainer/evaluate/figure.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/evaluate/report.h"
#include "trainer/evaluate/suite_needs.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// What single suites use beside a model and data. Without it they say what they leave out.
struct EvaluationAids {
  /// A network of the model's config with other initial parameters, null if there is none.
  std::function<std::shared_ptr<WorldModel>()> make_untrained = [] { return nullptr; };
  /// Of clips, for the suite distribution; nothing: filter_features().
  std::optional<ClipFeatures> clip_features{};
};

/// Every registered suite, by name.
std::vector<std::string> known_suites();

/// Those that run in training.
std::vector<std::string> quick_suites();

/// Runs `suites` (none means all; an unknown name is a UsageError) on the first
/// config.episodes episodes of `validation` that have a frame to score; DataError if none has.
/// The mean frame comes from `train_for_mean_frame`, or else from the evaluated episodes. On one
/// thread the results are bit-identical every time. The caller fills in the report's provenance.
/// The model is not changed.
EvaluationReport evaluate(WorldModel& model, const Dataset& validation,
                          const Dataset* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites = {},
                          const EvaluationProgress& progress = {}, const EvaluationAids& aids = {});

/// The episodes of `validation` that are evaluated. DataError if none is long enough.
EpisodeSource evaluated_episodes(const Dataset& validation, const EvaluateConfig& config);

/// The same for any source of episodes.
EvaluationReport evaluate(WorldModel& model, const EpisodeSource& held_out,
                          const EpisodeSource* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites = {},
                          const EvaluationProgress& progress = {}, const EvaluationAids& aids = {});

/// Scores of consecutive frames of one episode by one predictor: "model" or a baseline's name.
struct EpisodeScores {
  int64_t first_frame = 0;
  std::map<std::string, std::vector<FrameScore>> by_predictor;
};

class EvaluationContext {
 public:
  /// Without `train_for_mean_frame`, the mean frame comes from the held-out episodes.
  EvaluationContext(WorldModel& model, EpisodeSource held_out,
                    const EpisodeSource* train_for_mean_frame, EvaluateConfig config,
                    EvaluationProgress progress, EvaluationAids aids = {});

  /// Teacher-forced (one-step) scores of every episode, from frame kFirstScoredFrame on; computed
  /// once.
  const std::vector<EpisodeScores>& one_step();

  /// Scores of rollouts from every episode's start, from frame context_frames on.
  std::vector<EpisodeScores> rollouts();

  /// The same by other options, for the first `episodes` episodes and `horizon` frames.
  std::vector<EpisodeScores> rollouts(const RolloutOptions& options, int64_t episodes,
                                      int64_t horizon);

  Predictor& predictor() { return predictor_; }
  const WorldModel& model() const { return predictor_.model(); }
  const EpisodeSource& held_out() const { return held_out_; }
  const EvaluateConfig& config() const { return config_; }
  /// "training data" or "evaluated data".
  const std::string& mean_frame_source() const { return mean_frame_source_; }
  const at::Tensor& mean_frame_HWC() const { return mean_frame_HWC_; }
  Bootstrap& bootstrap() { return bootstrap_; }
  const EvaluationProgress& progress() const { return progress_; }
  const EvaluationAids& aids() const { return aids_; }

 private:
  /// Scores the model's prediction and those of the baselines, which see `known_frames` true
  /// frames.
  void score(const PredictedFrame& frame, int64_t known_frames, EpisodeScores& scores) const;

  EpisodeSource held_out_;
  at::Tensor mean_frame_HWC_;
  std::string mean_frame_source_;
  EvaluateConfig config_;
  EvaluationProgress progress_;
  EvaluationAids aids_;
  Predictor predictor_;
  Bootstrap bootstrap_{0};
  std::optional<std::vector<EpisodeScores>> one_step_;
};

struct Suite {
  std::string summary;  // one line, for --help
  std::function<SuiteReport(EvaluationContext&)> run;
  bool is_long = false;  // left out of evaluations in training
  SuiteNeeds needs{};    // without which it is not run, and the report says so
};

using SuiteRegistry = Registry<Suite>;

}  // namespace nextframe

#define NF_REGISTER_SUITE_AS(name, ...)                                 \
  namespace {                                                           \
  const bool registered_suite_##name =                                  \
      ::nextframe::SuiteRegistry::instance().add(#name, {__VA_ARGS__}); \
  }

/// NF_REGISTER_SUITE(name, summary, run, needs); `needs` may be {}: a model that predicts.
#define NF_REGISTER_SUITE(name, summary, run, ...) \
  NF_REGISTER_SUITE_AS(name, summary, run, false, __VA_ARGS__)

/// For a suite that takes too long to run in training.
#define NF_REGISTER_LONG_SUITE(name, summary, run, ...) \
  NF_REGISTER_SUITE_AS(name, summary, run, true, __VA_ARGS__)
