// Reads one grain (microbatch) from a dataset: decides which clips it has, and replaces damaged and
// set-aside ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "data/sampler.h"

namespace nextframe {

class GrainReader {
 public:
  /// Checks the options; `dataset` must outlive the reader.
  GrainReader(const Dataset& dataset, Sampler sampler, const LoaderOptions& options);

  int64_t grain_clips() const { return grain_clips_; }

  /// Fills `batch` with this rank's `number`-th grain since the first step. Returns one error for
  /// each clip that was replaced. Stops between two clips once `stopped` returns true.
  std::vector<std::string> read(int64_t number, Batch& batch,
                                const std::function<bool()>& stopped) const;

 private:
  void read_slot(int64_t slot, Batch& batch, int64_t row, std::vector<std::string>& errors) const;

  const Dataset& dataset_;
  Sampler sampler_;
  SetAside set_aside_;
  int64_t global_batch_, grain_clips_, first_grain_, owned_grains_, grain_stride_, first_step_;
  bool may_skip_;
};

}  // namespace nextframe
