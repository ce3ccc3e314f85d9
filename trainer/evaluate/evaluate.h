// Runs an evaluation from start to end: takes data and a model, returns a report.
#pragma once

#include <string>
#include <vector>

#include "trainer/evaluate/predictor.h"
#include "trainer/evaluate/report.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// Every registered suite, by name.
std::vector<std::string> known_suites();

/// Runs `suites` (none means all; an unknown name is a UsageError) on the first
/// config.episodes episodes of `validation`. The mean frame comes from `train_for_mean_frame`,
/// or else from the evaluated episodes. On one thread the results are bit-identical every
/// time. The caller fills in the report's provenance. The model is not changed.
EvaluationReport evaluate(WorldModel& model, const Dataset& validation,
                          const Dataset* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites = {},
                          const EvaluationProgress& progress = {});

/// The same for any source of episodes.
EvaluationReport evaluate(WorldModel& model, const EpisodeSource& held_out,
                          const EpisodeSource* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites = {},
                          const EvaluationProgress& progress = {});

}  // namespace nextframe
