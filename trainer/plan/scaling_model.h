// Predicts time, traffic and memory of a step on any number of ranks, and how often to checkpoint.
// docs/scaling.md has the formulas and their error.
#pragma once

#include <string>

#include "trainer/plan/machine_rates.h"
#include "trainer/plan/workload.h"

namespace nextframe {

/// Seconds of one step of the busiest rank.
struct StepTime {
  double grains_s = 0;    // forward and backward, one grain after another
  double fold_s = 0;      // gradients of grains into the tree
  double exchange_s = 0;  // all of the exchange, hidden or not
  double exposed_s = 0;   // of it what backward does not hide
  double update_s = 0;    // norm and AdamW

  double total_s() const { return grains_s + fold_s + exposed_s + update_s; }
};

struct RankPlan {
  int64_t ranks = 1, nodes = 1;
  int64_t grains = 1;           // of the whole step
  int64_t grains_per_rank = 1;  // of the busiest
  double balance = 1;           // grains / (ranks * grains_per_rank): how busy the others are
  int64_t sent_bytes = 0;       // a step, by the rank that sends most
  StepTime time;
  double efficiency = 1;  // what one rank takes, over ranks times what these take
};

/// `grains` replaces the workload's (with as many more clips); 0 keeps them.
RankPlan plan_ranks(const Workload& work, const MachineRates& rates, int64_t ranks,
                    int64_t grains = 0);

/// Of one rank's memory, as `parallel.shard` would have it; float32.
struct RankBytes {
  int64_t parameters = 0, gradients = 0, moments = 0, average = 0;
  int64_t buckets = 0;  // sums of grains, and what is sent, received and gathered
  int64_t activations = 0;

  int64_t total() const {
    return parameters + gradients + moments + average + buckets + activations;
  }
};

/// `ranks_per_node` is what parallel.shard_group = node splits among; 0: there is one node.
RankBytes plan_bytes(const Workload& work, int64_t ranks, const std::string& shard,
                     int64_t grains = 0, int64_t ranks_per_node = 0);

struct Failures {
  double mtbf_s = 0;     // between two failures anywhere in the job; 0: none
  double save_s = 0;     // that training stands still for a checkpoint
  double restart_s = 0;  // from a failure until training goes on
};

/// The interval between two saves that wastes least (Young 1974; Daly 2006, equation 37); 0 without
/// failures.
double best_interval_s(const Failures& failures);

/// The part of the time that is progress, saving every `interval_s` of work, with failures that
/// come at random (Daly 2006: the inverse of his complete wall time).
double goodput(const Failures& failures, double interval_s);

}  // namespace nextframe
