// The output of `nextframe plan`, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "trainer/plan/scaling_model.h"

namespace nextframe {

/// The plan for one number of ranks.
struct PlanRow {
  RankPlan ranks;
  double save_s = 0;           // for one checkpoint
  double best_interval_s = 0;  // between checkpoints; 0 without failures
  double goodput = 1;          // at the interval that the config asks for
  double best_goodput = 1;
  double run_s = 0;  // all steps, saving and failures included
};

struct PlanReport {
  std::string model, recompute;
  Workload work;
  MachineRates rates;
  std::vector<std::string> sources;  // where the rates come from, a line each
  std::vector<PlanRow> rows;
  std::vector<std::string> shards;  // what parallel.shard may be
};

PlanRow plan_row(const Workload& work, const MachineRates& rates, int64_t ranks, int64_t grains);

std::string to_text(const PlanReport& report);
std::string to_json(const PlanReport& report);

/// What to change before the job is queued, a line each.
std::vector<std::string> advice(const PlanReport& report);

}  // namespace nextframe
