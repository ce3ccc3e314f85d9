// This file is the flight recorders of one process, by the names of their communicators.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "launch/hang/flight_recorder.h"

namespace nextframe {

/// Safe to call from many threads.
class FlightLog {
 public:
  /// For a communicator called `name`; a second one of that name becomes "name 2". Every rank opens
  /// its recorders in the same order, so the names mean the same everywhere. A communicator of some
  /// ranks only has a name that says which, and their number; 0 is all of them.
  std::shared_ptr<FlightRecorder> open(const std::string& name, int64_t num_ranks = 0);

  /// The living one of that name, or null.
  std::shared_ptr<FlightRecorder> find(const std::string& name) const;

  /// The living ones whose names begin so.
  std::vector<std::shared_ptr<FlightRecorder>> find_all(const std::string& prefix) const;

  /// Written into what is recorded from now on.
  void set_step(int64_t step) { *step_ = step; }

  /// Of the communicators that still live, in the order in which they were opened.
  std::vector<std::shared_ptr<FlightRecorder>> recorders() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<FlightRecorder>> opened_;
  std::vector<std::string> names_;  // as they were asked for
  const std::shared_ptr<std::atomic<int64_t>> step_ = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace nextframe
