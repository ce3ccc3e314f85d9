// The signals that ask a run to stop, as a flag that the trainer polls.
#pragma once

#include <csignal>

namespace nextframe {

enum class StopRequest : int {
  none = 0,
  preempt = 1,   // SIGUSR1 or SIGTERM: save and exit 75
  interrupt = 2  // SIGINT: save and exit 130; a second SIGINT kills at once
};

/// Listens while it lives; the handlers that were there before come back afterwards. One at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The strongest request since the start, of this rank only: ranks have to agree on the largest.
  StopRequest requested() const;

 private:
  struct sigaction before_[3];
};

}  // namespace nextframe
