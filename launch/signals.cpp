#include "launch/signals.h"

#include <atomic>

#include "launch/error.h"

namespace nextframe {
namespace {

constexpr int kSignals[3] = {SIGINT, SIGTERM, SIGUSR1};

// A handler can reach nothing else than a global.
std::atomic<int> stop_request{0};
std::atomic<bool> is_watched{false};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not take a lock");

extern "C" void note_stop_request(int signal) {
  const int request =
      static_cast<int>(signal == SIGINT ? StopRequest::interrupt : StopRequest::preempt);
  int current = stop_request.load();
  while (current < request && !stop_request.compare_exchange_weak(current, request)) {
  }
}

}  // namespace

SignalWatch::SignalWatch() {
  if (is_watched.exchange(true)) throw std::logic_error("two SignalWatch objects at a time");
  stop_request = 0;
  for (int i = 0; i < 3; ++i) {
    struct sigaction action = {};
    action.sa_handler = note_stop_request;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    // The first SIGINT puts the default action back, so the second one kills.
    if (kSignals[i] == SIGINT) action.sa_flags |= static_cast<int>(SA_RESETHAND);
    sigaction(kSignals[i], &action, &before_[i]);
  }
}

SignalWatch::~SignalWatch() {
  for (int i = 0; i < 3; ++i) sigaction(kSignals[i], &before_[i], nullptr);
  is_watched = false;
}

StopRequest SignalWatch::requested() const { return static_cast<StopRequest>(stop_request.load()); }

}  // namespace nextframe
