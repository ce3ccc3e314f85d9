// One rank works while the others wait for it, and hear from it that it is alive.
#pragma once

#include <chrono>

#include "launch/communicator.h"
#include "launch/hang/watchdog.h"

namespace nextframe {

/// Without it a rank that waits for the root could not tell a long piece of work from a hang. The
/// watchdog's limit then holds from one sign to the next, on every rank, in the pause that all of
/// them have entered. Collective: the root calls end(), the others await_end().
class SignsOfLife {
 public:
  /// `control`, for host tensors, and `watchdog` outlive it.
  SignsOfLife(Communicator& control, Watchdog& watchdog) : control_(control), watchdog_(watchdog) {}

  /// On the root, as often as one likes: a message a second at most.
  void give();
  void end();

  /// On the other ranks: returns when the root has called end().
  void await_end();

 private:
  Communicator& control_;
  Watchdog& watchdog_;
  std::chrono::steady_clock::time_point given_ = std::chrono::steady_clock::now();
};

}  // namespace nextframe
