#include "launch/supervise/supervise.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/signals.h"

namespace nextframe {
namespace {

constexpr int kWait_ms = 100;
constexpr double kLook_s = 1;  // a look at all processes of a large machine takes milliseconds

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  for (const int signal : kStopSignals) {
    if (!is_ignored(signal)) sigaddset(&signals, signal);  // else it would be blocked all the same
  }
  return signals;
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

BlockedSignals::BlockedSignals() {
  const auto signals = stop_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  descriptor_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor_ < 0)
    throw EnvironmentError(host_name() + ": no signalfd: " + std::strerror(errno));
}

BlockedSignals::~BlockedSignals() {
  close(descriptor_);
  // What still waits asked for what has happened: the end.
  const auto signals = stop_signals();
  const timespec at_once{};
  while (sigtimedwait(&signals, nullptr, &at_once) > 0) {
  }
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

int BlockedSignals::next() const {
  signalfd_siginfo info{};
  return read(descriptor_, &info, sizeof(info)) == sizeof(info) ? static_cast<int>(info.ssi_signo)
                                                                : 0;
}

int supervise(Supervisor& supervisor, MpirunJob& job, const std::function<void()>& look) {
  const BlockedSignals signals;
  double looked_s = now_s();
  supervisor.begin(looked_s);
  while (!supervisor.exit_code()) {
    pollfd files[2] = {{signals.descriptor(), POLLIN, 0}, {job.errors(), POLLIN, 0}};
    ::poll(files, 2, kWait_ms);
    job.relay_errors();
    if (const auto code = job.take_exit(); code && supervisor.is_running()) {
      supervisor.on_exit(*code, now_s());
    }
    while (const int signal = signals.next()) {
      if (signal != SIGCHLD) supervisor.on_signal(signal, now_s());
    }
    if (now_s() - looked_s < kLook_s && supervisor.is_running()) continue;
    looked_s = now_s();
    look();
    supervisor.on_time(looked_s);
  }
  look();
  return *supervisor.exit_code();
}

}  // namespace nextframe
