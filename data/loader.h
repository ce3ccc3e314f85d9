// The data loader: the stream of grains (microbatches) that one rank trains on, prefetched by
// threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sampler.h"
#include "data/set_aside.h"

namespace nextframe {

struct LoaderOptions {
  int64_t global_batch = 0;  // clips a step, over all ranks
  int64_t grains = 0;        // grains a step, over all ranks; divides global_batch
  int64_t first_grain = 0;   // this rank owns [first_grain, last_grain) of every step
  int64_t last_grain = 0;
  int64_t grain_stride = 1;         // of those, every so many from the first on
  int64_t first_step = 0;           // where to begin; sample position = step * global_batch
  int64_t threads = 1;              // 0 reads in next()
  int64_t prefetch_grains = 8;      // grains read ahead at most
  std::string on_corrupt = "fail";  // skip: a damaged clip is replaced, the same one on any rank
  std::vector<SetAsideClip> set_aside;           // replaced in the same way, without a warning
  std::function<void(const std::string&)> warn;  // takes each replaced clip's error, in next()
  std::function<bool()> should_stop;  // asked now and then while next() waits for a grain
};

/// The grains are a pure function of sampler and options: the number of threads changes nothing.
class Loader {
 public:
  /// `dataset` must outlive the loader.
  Loader(const Dataset& dataset, Sampler sampler, LoaderOptions options);
  ~Loader();

  /// The next grain of this rank: steps in order, inside a step the owned grains in ascending
  /// order. Throws what reading it threw. Its memory is used again once nobody holds the tensors.
  Batch next();

  /// Whether `should_stop` has said so: since then next() gives blank clips.
  bool has_stopped() const;

  /// Seconds that next() has waited since the last call of this function.
  double take_wait_s();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nextframe
