#include "launch/supervise/process_tree.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace nextframe {
namespace {

/// A shell that runs `script` until it is killed.
pid_t start_shell(const char* script) {
  const pid_t shell = fork();
  if (shell == 0) {
    execl("/bin/sh", "sh", "-c", script, nullptr);
    _exit(127);
  }
  return shell;
}

std::vector<ProcessInfo> wait_for_descendants(size_t count) {
  for (int i = 0; i < 500; ++i) {
    const auto found = descendants(getpid());
    if (found.size() >= count) return found;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

TEST(ProcessTree, KnowsItsOwnProgramAndNoOther) {
  EXPECT_TRUE(runs_this_program(getpid()));
  EXPECT_FALSE(runs_this_program(getppid()));
  EXPECT_EQ(process_info(getpid())->parent, getppid());
  EXPECT_FALSE(process_info(-1));
}

TEST(ProcessTree, NothingIsLeftOfSessionsGroupsAndOrphans) {
  adopt_orphans();
  // A grandchild in a session of its own whose parent ends, and a stopped one.
  start_shell("setsid sleep 1000 & exit 0");
  start_shell("sleep 1000 & kill -STOP $!; wait");
  ASSERT_GE(wait_for_descendants(3).size(), 3);
  EXPECT_TRUE(kill_descendants({}, std::chrono::seconds(5)).empty());
  EXPECT_TRUE(descendants(getpid()).empty());
}

TEST(ProcessTree, TheSparedAreSpared) {
  const pid_t bystander = start_shell("exec sleep 1000");
  start_shell("exec sleep 1000");
  ASSERT_EQ(wait_for_descendants(2).size(), 2);
  EXPECT_TRUE(kill_descendants({bystander}, std::chrono::seconds(5)).empty());
  EXPECT_EQ(descendants(getpid()).size(), 1);
  kill(bystander, SIGKILL);
  waitpid(bystander, nullptr, 0);
}

}  // namespace
}  // namespace nextframe
