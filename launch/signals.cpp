#include "launch/signals.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "launch/error.h"

namespace nextframe {
namespace {

// A handler can reach nothing else than a global.
std::atomic<int> stop_request{0}, newest_signal{0};
std::atomic<bool> is_watched{false};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not take a lock");

extern "C" void note_stop_request(int signal) {
  const int request =
      static_cast<int>(signal == SIGINT ? StopRequest::interrupt : StopRequest::preempt);
  newest_signal = signal;
  int current = stop_request.load();
  while (current < request && !stop_request.compare_exchange_weak(current, request)) {
  }
}

void listen_to(int signal) {
  struct sigaction action = {};
  action.sa_handler = note_stop_request;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  // The first SIGINT puts the default action back, so the second one kills.
  if (signal == SIGINT) action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigaction(signal, &action, nullptr);
}

/// SIGXCPU comes at the soft limit, SIGKILL at the hard one: where both are equal, as `ulimit -t`
/// sets them, there would be no time to save.
void ask_for_notice_of_cpu_limit() {
  constexpr rlim_t kNotice_s = 60;
  rlimit limit{};
  if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return;
  limit.rlim_cur =
      std::min(limit.rlim_cur, limit.rlim_max - std::min(kNotice_s, limit.rlim_max / 4));
  setrlimit(RLIMIT_CPU, &limit);
}

}  // namespace

bool is_ignored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

SignalWatch::SignalWatch() {
  if (is_watched.exchange(true)) throw std::logic_error("two SignalWatch objects at a time");
  stop_request = newest_signal = 0;
  sigset_t heard;
  sigemptyset(&heard);
  for (size_t i = 0; i < std::size(kStopSignals); ++i) {
    sigaction(kStopSignals[i], nullptr, &before_[i]);
    if (is_ignored(kStopSignals[i])) continue;
    listen_to(kStopSignals[i]);
    sigaddset(&heard, kStopSignals[i]);
  }
  pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);  // whoever started us may have blocked them
  ask_for_notice_of_cpu_limit();
}

SignalWatch::~SignalWatch() {
  for (size_t i = 0; i < std::size(kStopSignals); ++i)
    sigaction(kStopSignals[i], &before_[i], nullptr);
  is_watched = false;
}

StopRequest SignalWatch::requested() const { return static_cast<StopRequest>(stop_request.load()); }

std::string SignalWatch::newest() const {
  const int signal = newest_signal;
  return signal == 0 ? "" : std::string("SIG") + sigabbrev_np(signal);
}

}  // namespace nextframe
