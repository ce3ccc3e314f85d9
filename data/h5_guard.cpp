#include "data/h5_guard.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>

namespace nextframe {
namespace {

constexpr int kExitData = 3;         // trainer/exit_code.h
constexpr int kTooLong = SIGVTALRM;  // nobody else's
constexpr time_t kCpuLimit_s = 5;
constexpr std::array kCrashSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, kTooLong};
constexpr size_t kSignalStackBytes = size_t{64} << 10;
constexpr const char* kCrashText = ": HDF5 itself crashed while it read this file";
constexpr const char* kTooLongText = ": HDF5 itself came to no end while it read this file";
constexpr const char* kAdvice = ", whose metadata must be damaged; copy or make the file again";
constexpr const char* kEnd = ". Files after this one were not read\n";

std::array<struct sigaction, kCrashSignals.size()> former_actions;
int listener = -1;  // a file descriptor that takes the sentence; -1: a person reads it
thread_local bool is_inside_h5 = false;
thread_local std::array<char, 1024> h5_subject{"an HDF5 file"};

/// Where a handler runs once HDF5 has used up the thread's own stack.
struct SignalStack {
  SignalStack() {
    stack_t former{};
    if (::sigaltstack(nullptr, &former) != 0 || (former.ss_flags & SS_DISABLE) == 0) return;
    memory = std::make_unique<char[]>(kSignalStackBytes);
    stack_t mine{};
    mine.ss_sp = memory.get();
    mine.ss_size = kSignalStackBytes;
    ::sigaltstack(&mine, nullptr);
  }
  ~SignalStack() {
    if (!memory) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }
  std::unique_ptr<char[]> memory;
};

/// Of this thread's CPU time; a forked child needs one of its own.
class CpuTimer {
 public:
  ~CpuTimer() {
    if (owner_ == ::getpid()) ::timer_delete(timer_);
  }
  void set(time_t limit_s) {
    if (owner_ != ::getpid() && !create()) return;
    itimerspec limit{};
    limit.it_value.tv_sec = limit_s;
    ::timer_settime(timer_, 0, &limit, nullptr);
  }

 private:
  bool create() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = kTooLong;
    event._sigev_un._tid = ::gettid();
    if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) != 0) return false;
    owner_ = ::getpid();
    return true;
  }

  timer_t timer_{};
  pid_t owner_ = 0;
};

CpuTimer& cpu_timer() {
  thread_local CpuTimer timer;
  return timer;
}

void say(const char* text) {
  const int to = listener >= 0 ? listener : STDERR_FILENO;
  [[maybe_unused]] const ssize_t written = ::write(to, text, std::strlen(text));
}

/// Another thread's signal comes again once the former action is back in place.
void end_with_sentence(int number) {
  if (is_inside_h5) {
    if (listener < 0) say("nextframe: ");
    say(h5_subject.data());
    say(number == kTooLong ? kTooLongText : kCrashText);
    say(kAdvice);
    if (listener < 0) say(kEnd);
    ::_exit(kExitData);
  }
  const auto* place = std::find(kCrashSignals.begin(), kCrashSignals.end(), number);
  ::sigaction(number, &former_actions[static_cast<size_t>(place - kCrashSignals.begin())], nullptr);
}

}  // namespace

H5CrashGuard::H5CrashGuard() {
  thread_local const SignalStack stack;
  struct sigaction action {};
  action.sa_handler = end_with_sentence;
  action.sa_flags = SA_ONSTACK;
  for (size_t i = 0; i < kCrashSignals.size(); ++i) {
    ::sigaction(kCrashSignals[i], &action, &former_actions[i]);
  }
  is_inside_h5 = true;
  cpu_timer().set(kCpuLimit_s);
}

H5CrashGuard::~H5CrashGuard() {
  cpu_timer().set(0);
  is_inside_h5 = false;
  for (size_t i = 0; i < kCrashSignals.size(); ++i) {
    ::sigaction(kCrashSignals[i], &former_actions[i], nullptr);
  }
}

void tell_h5_crash_to(int descriptor) { listener = descriptor; }

bool is_inside_hdf5() { return is_inside_h5; }

void set_h5_subject(const std::string& path) {
  const size_t length = std::min(path.size(), h5_subject.size() - 1);
  std::memcpy(h5_subject.data(), path.data(), length);
  h5_subject[length] = '\0';
  if (is_inside_h5) cpu_timer().set(kCpuLimit_s);
}

}  // namespace nextframe
