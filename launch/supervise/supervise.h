// The event loop around the supervisor: signals, ended processes and time.
#pragma once

#include "launch/supervise/mpirun_job.h"
#include "launch/supervise/supervisor.h"

namespace nextframe {

/// Blocks the signals that ask to stop, from before the first start to the end, so that they
/// wait to be read here. Those that are ignored, as SIGHUP under nohup, stay so.
class BlockedSignals {
 public:
  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  int descriptor() const { return descriptor_; }
  /// The next signal, 0 if there is none.
  int next() const;

 private:
  int descriptor_ = -1;
};

/// Runs `job` under `supervisor` to its end, and calls `look` about once a second. Returns the
/// exit code.
int supervise(Supervisor& supervisor, MpirunJob& job, const std::function<void()>& look);

}  // namespace nextframe
