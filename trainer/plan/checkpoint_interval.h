// This file is how often to save: Young's and Daly's interval, and what of the time is left for
// work.
#pragma once

namespace nextframe {

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
