// The signals that ask a run to stop, as a flag that the trainer polls.
#pragma once

#include <csignal>

namespace nextframe {

enum class StopRequest : int {
  none = 0,
  preempt = 1,   // SIGUSR1 or SIGTERM: save and exit 75
  interrupt = 2  // SIGINT: save and exit 130; a second SIGINT kills at once
};

/// Handles signals as long as it lives, and restores the previous handlers afterwards. Only one may
/// exist at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The strongest request so far, on this rank only; ranks must agree on the strongest of all.
  StopRequest requested() const;

 private:
  struct sigaction before_[3];
};

}  // namespace nextframe
