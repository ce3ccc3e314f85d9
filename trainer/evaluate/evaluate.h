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

/// Runs `suites` (none means all; an unknown name is a UsageError) on the first config.episodes
/// episodes of `validation`. The mean frame is that of `train_for_mean_frame`, or, without it, of
/// the evaluated episodes. The same bits every time on one thread. The report's provenance is left
/// to the caller. Changes nothing in the model.
EvaluationReport evaluate(WorldModel& model, const Dataset& validation,
                          const Dataset* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites = {},
                          const EvaluationProgress& progress = {});

/// The same on any source of episodes.
EvaluationReport evaluate(WorldModel& model, const EpisodeSource& held_out,
                          const EpisodeSource* train_for_mean_frame, const EvaluateConfig& config,
                          const std::vector<std::string>& suites = {},
                          const EvaluationProgress& progress = {});

}  // namespace nextframe
