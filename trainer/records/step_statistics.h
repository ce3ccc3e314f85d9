// This file is the scalars of a step: summed in grain order on every rank, so all ranks decide
// alike.
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

/// What each rank tells all others once a step, beside its grains.
struct RankNews {
  StopRequest stop = StopRequest::none;
  bool has_saved = true;  // its part of the checkpoint under way, if there is one
  bool has_failed_to_save = false;
  double busy_s = 0;       // its own work since the step began, before it waits for other ranks
  bool is_whole = true;    // its grains are real; false when it stopped waiting for data
  CallsDigest calls = {};  // that it has made of collectives on the device
};

/// Sums over all grains of a step, in fp64 and in grain order; the same bits on every rank.
struct StepTotals {
  double loss_sum = 0;
  double weight = 0;
  std::map<std::string, double> sums;    // the model's named statistics
  StopRequest stop = StopRequest::none;  // the strongest request of any rank
  bool have_all_saved = true;
  bool has_any_failed_to_save = false;
  bool is_whole = true;                 // else the numbers of this step mean nothing
  std::vector<double> busy_s;           // by rank
  std::vector<double> grain_loss_sums;  // by grain
  bool do_calls_agree = true;           // all ranks have called the same collectives
  double loss() const { return loss_sum / weight; }
};

/// The root's number, on every rank: what is summed in no fixed order may differ in its last bits.
/// Collective.
double root_number(Communicator& world, double number);

/// Collects the loss terms of this rank's grains of one step.
class StepStatistics {
 public:
  StepStatistics(Communicator& world, const GrainOwners& grains) : world_(world), grains_(grains) {}

  void add(const LossTerms& terms, const at::Tensor& sample_ids_B);

  /// Collective, once a step after all owned grains; begins the next step.
  StepTotals finish(const RankNews& news);

  /// Collective: the sample ids of each grain of the step that was finished last.
  std::vector<std::vector<int64_t>> sample_ids() const;

 private:
  at::Tensor own_rows(const RankNews& news);

  Communicator& world_;
  GrainOwners grains_;
  std::vector<LossTerms> terms_;
  std::vector<at::Tensor> ids_B_;  // of the owned grains, kept until the next step
};

}  // namespace nextframe
