// The scalars of a step (loss, weight, stop requests), all-gathered and summed in grain order, so
// that all ranks decide alike.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "launch/hang/flight_recorder.h"
#include "launch/signals.h"
#include "model/world_model.h"
#include "trainer/parallel/grain_owners.h"

namespace nextframe {

/// What a rank reports to all others once a step, besides its grains' losses.
struct RankStatus {
  StopRequest stop = StopRequest::none;
  bool has_saved = true;  // its part of the checkpoint in progress, if there is one
  bool has_failed_to_save = false;
  double busy_s = 0;            // its own work in this step, without waiting for other ranks
  bool has_real_grains = true;  // false when it was asked to stop while it waited for data
  CallsDigest calls = {};       // of its device collectives so far
};

/// Sums over all grains of a step, in float64 and in grain order: the same bits on every rank.
struct StepTotals {
  double loss_sum = 0;
  double weight = 0;
  std::map<std::string, double> sums;    // the model's named statistics
  StopRequest stop = StopRequest::none;  // the strongest request of any rank
  bool have_all_saved = true;
  bool has_any_failed_to_save = false;
  bool is_complete = true;              // else the numbers of this step mean nothing
  std::vector<double> busy_s;           // by rank
  std::vector<double> grain_loss_sums;  // by grain
  bool do_calls_agree = true;           // all ranks called the same collectives
  double loss() const { return loss_sum / weight; }
};

/// Broadcasts the root's number: a sum without a fixed order may differ between ranks in its last
/// bits. Collective.
double root_number(Communicator& world, double number);

/// Collects the loss terms of this rank's grains in one step.
class StepStatistics {
 public:
  StepStatistics(Communicator& world, const GrainOwners& grains) : world_(world), grains_(grains) {}

  void add(const LossTerms& terms, const at::Tensor& sample_ids_B);

  /// Call it once a step, after all of this rank's grains. Begins the next step. Collective.
  StepTotals finish(const RankStatus& status);

  /// The sample ids of each grain of the last finished step. Collective.
  std::vector<std::vector<int64_t>> sample_ids() const;

 private:
  at::Tensor own_rows(const RankStatus& status);

  Communicator& world_;
  GrainOwners grains_;
  std::vector<LossTerms> terms_;
  std::vector<at::Tensor> ids_B_;  // of this rank's grains, kept until the next step
};

}  // namespace nextframe
