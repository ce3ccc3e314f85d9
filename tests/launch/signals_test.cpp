#include "launch/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nextframe {
namespace {

TEST(SignalWatch, NothingIsRequestedAtFirst) {
  EXPECT_EQ(SignalWatch().requested(), StopRequest::none);
}

TEST(SignalWatch, UserSignalAndTerminationAskForPreemption) {
  for (const int signal : {SIGUSR1, SIGTERM}) {
    const SignalWatch watch;
    std::raise(signal);
    EXPECT_EQ(watch.requested(), StopRequest::preempt);
    std::raise(signal);  // again is harmless
    EXPECT_EQ(watch.requested(), StopRequest::preempt);
  }
}

TEST(SignalWatch, InterruptIsTheStrongestRequest) {
  const SignalWatch watch;
  std::raise(SIGINT);
  std::raise(SIGTERM);
  EXPECT_EQ(watch.requested(), StopRequest::interrupt);
}

TEST(SignalWatch, HandlersFromBeforeComeBack) {
  struct sigaction before = {}, after = {};
  sigaction(SIGTERM, nullptr, &before);
  { const SignalWatch watch; }
  sigaction(SIGTERM, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

TEST(SignalWatch, SecondInterruptKillsAtOnce) {
  const pid_t child = fork();
  if (child == 0) {
    const SignalWatch watch;
    std::raise(SIGINT);
    if (watch.requested() != StopRequest::interrupt) _exit(1);
    std::raise(SIGINT);
    _exit(2);  // not reached
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST(SignalWatch, TwoAtATimeAreAMistake) {
  const SignalWatch watch;
  EXPECT_THROW(SignalWatch(), std::logic_error);
}

}  // namespace
}  // namespace nextframe
