// Predicts time, traffic and memory of a step on any number of ranks, and how often to checkpoint.
// docs/scaling.md has the formulas and their error.
#pragma once

#include <string>

#include "trainer/plan/workload.h"

namespace nextframe {

/// Times of one step on the busiest rank.
struct StepTime {
  double grains_s = 0;    // forward and backward, one grain after another
  double fold_s = 0;      // gradient accumulation by the fixed tree
  double exchange_s = 0;  // communication of gradients, overlapped or not
  double exposed_s = 0;   // the part that backward does not overlap
  double update_s = 0;    // norm and the update of what is read and written
  double muon_s = 0;      // orthogonalising; on one rank all of it, or a rank's share

  double total_s() const { return grains_s + fold_s + exposed_s + update_s + muon_s; }
};

struct RankPlan {
  int64_t ranks = 1, nodes = 1;
  int64_t grains = 1;           // of the whole step
  int64_t grains_per_rank = 1;  // of the busiest
  double balance = 1;           // grains / (ranks * grains_per_rank): how busy the others are
  int64_t sent_bytes = 0;       // a step, by the rank that sends most
  StepTime time;
  double efficiency = 1;  // time on one rank / (ranks * time on these)
};

/// `grains` replaces the workload's number of grains, and scales its clips; 0 keeps it.
RankPlan plan_ranks(const Workload& work, const MachineRates& rates, int64_t ranks,
                    int64_t grains = 0);

/// One rank's memory with a given `parallel.shard`, in float32.
struct RankBytes {
  int64_t parameters = 0, gradients = 0, moments = 0, average = 0;
  int64_t buckets = 0;  // accumulated gradients, and what is sent, received and gathered
  int64_t activations = 0;

  int64_t total() const {
    return parameters + gradients + moments + average + buckets + activations;
  }
};

/// `ranks_per_node` is the shard group with parallel.shard_group = node; 0: there is one node.
RankBytes plan_bytes(const Workload& work, int64_t ranks, const std::string& shard,
                     int64_t grains = 0, int64_t ranks_per_node = 0);

struct Failures {
  double mtbf_s = 0;     // mean time between failures anywhere in the job; 0: none
  double save_s = 0;     // that training waits for a checkpoint
  double restart_s = 0;  // from a failure until training goes on
};

/// The interval between saves that wastes the least time (Young 1974; Daly 2006, equation 37);
/// 0 without failures.
double best_interval_s(const Failures& failures);

/// Goodput: the fraction of time that is progress, when saving every `interval_s` of work and
/// with random failures (Daly 2006: the inverse of his complete wall time).
double goodput(const Failures& failures, double interval_s);

}  // namespace nextframe
