#include "launch/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nextframe {
namespace {

TEST(SignalWatch, NothingIsRequestedAtFirst) {
  EXPECT_EQ(SignalWatch().requested(), StopRequest::none);
}

TEST(SignalWatch, AllSignalsButInterruptAskForPreemption) {
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGHUP, SIGXCPU}) {
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

TEST(SignalWatch, TheSignalThatAskedHasAName) {
  const SignalWatch watch;
  EXPECT_EQ(watch.newest(), "");
  std::raise(SIGHUP);
  EXPECT_EQ(watch.newest(), "SIGHUP");
}

TEST(SignalWatch, AnIgnoredSignalStaysIgnored) {
  std::signal(SIGHUP, SIG_IGN);
  {
    const SignalWatch watch;
    std::raise(SIGHUP);
    EXPECT_EQ(watch.requested(), StopRequest::none);
    EXPECT_TRUE(is_ignored(SIGHUP));
  }
  EXPECT_TRUE(is_ignored(SIGHUP));
  std::signal(SIGHUP, SIG_DFL);
}

TEST(SignalWatch, ABlockedSignalIsHeard) {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);
  const SignalWatch watch;
  std::raise(SIGTERM);
  EXPECT_EQ(watch.requested(), StopRequest::preempt);
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
