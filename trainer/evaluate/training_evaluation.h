// The evaluation of a run that goes on: a report and a sample sheet every so many steps.
#pragma once

#include <functional>
#include <string>

#include "trainer/config/config.h"
#include "trainer/evaluate/report.h"
#include "trainer/records/console.h"
#include "trainer/records/run_folder.h"
#include "trainer/stop_requests.h"

namespace nextframe {

/// Looks at the model after the steps that evaluate.every_steps asks for, on the root. Calls
/// `show_life` again and again, so that nobody takes it for a hang. May throw: the run goes on.
using Evaluation = std::function<void(int64_t step, const std::function<void()>& show_life)>;

/// What an evaluation uses; all of it outlives the evaluation.
struct EvaluatedRun {
  const Config& config;
  const RunFolder& folder;
  WorldModel& model;
  const Dataset& train;
  const Dataset& validation;
  StopRequests& stops;
  Console& console;
};

/// A sentence for a model that ignores its actions as far as its report can tell (the interval of
/// the shuffle ratio reaches down to 1), with what usually helps; "" for others.
std::string ignored_actions_alarm(const EvaluationReport& report);

/// An evaluation that a request to stop interrupts between two reads, and that is left out, with a
/// word, once it has ended the process twice: starting again would meet the same end.
Evaluation make_training_evaluation(const EvaluatedRun& run);

}  // namespace nextframe
