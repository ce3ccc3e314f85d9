// The signals that ask a run to stop, as a flag that the trainer polls.
#pragma once

#include <csignal>
#include <string>

namespace nextframe {

enum class StopRequest : int {
  none = 0,
  preempt = 1,   // save and exit 75
  interrupt = 2  // SIGINT: save and exit 130; a second SIGINT kills at once
};

/// SIGINT, and those that ask for preemption: SIGTERM; SIGHUP, of a terminal that was closed;
/// SIGUSR1 and SIGUSR2, as batch systems send them; SIGXCPU, at the limit of CPU time.
inline constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};

/// Whether whoever started this program wants it to ignore `signal`, as nohup does for SIGHUP and a
/// script's shell for SIGINT of a background job. That wish is never overwritten.
bool is_ignored(int signal);

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

  /// "SIGHUP": the newest signal that asked; "" when none did.
  std::string newest() const;

 private:
  struct sigaction before_[std::size(kStopSignals)];
};

}  // namespace nextframe
