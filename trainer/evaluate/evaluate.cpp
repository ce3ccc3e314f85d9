#include "trainer/evaluate/evaluate.h"

#include "data/error.h"
#include "trainer/evaluate/evaluation_context.h"
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
  if (held_out.num_episodes > 0) return;
  throw DataError("evaluate: the held-out data has no episodes; give --data a glob that has some");
}

}  // namespace

std::vector<std::string> known_suites() { return SuiteRegistry::instance().names(); }

EvaluationReport evaluate(WorldModel& model, const EpisodeSource& held_out,
                          const EpisodeSource* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites,
                          const EvaluationProgress& progress) {
  const auto names = suites.empty() ? known_suites() : suites;
  for (const auto& name : names) suite_named(name);  // a misspelt one is told before the work
  check_source(held_out);

  EvaluationReport report;
  report.data_fingerprint = held_out.fingerprint;
  report.episodes = held_out.num_episodes;
  report.clip_frames = held_out.shape.clip_frames;
  report.context_frames = config.context_frames;
  report.horizon_frames = config.horizon_frames;
  report.denoise_steps = config.denoise_steps;
  EvaluationContext context(model, held_out, train_for_mean_frame, config, progress);
  report.mean_frame_source = context.mean_frame_source();
  for (const auto& name : names) report.suites.push_back(suite_named(name).run(context));
  return report;
}

EvaluationReport evaluate(WorldModel& model, const Dataset& validation,
                          const Dataset* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites,
                          const EvaluationProgress& progress) {
  const auto held_out = first_episodes(validation, config.episodes);
  if (train_for_mean_frame == nullptr) {
    return evaluate(model, held_out, nullptr, config, suites, progress);
  }
  const auto train = first_episodes(*train_for_mean_frame, train_for_mean_frame->num_episodes());
  return evaluate(model, held_out, &train, config, suites, progress);
}

}  // namespace nextframe
