#include "trainer/records/run_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include "data/durable_file.h"
#include "launch/error.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

class Lock : public ::testing::Test {
 protected:
  Lock() { fs::remove_all(run_), make_folder(run_); }
  const fs::path run_ = fs::path(::testing::TempDir()) / "locked-run";
};

std::string refusal(const std::function<void()>& take) {
  try {
    take();
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "";
}

TEST_F(Lock, ASecondProcessIsToldWhoHoldsTheRun) {
  RunLock first;
  EXPECT_EQ(first.take(run_), "");
  EXPECT_NE(first.name().find("process " + std::to_string(getpid()) + " on "), std::string::npos);
  for (const auto& said :
       {refusal([&] { RunLock().take(run_); }), refusal([&] { refuse_if_held(run_, ""); })}) {
    EXPECT_NE(said.find("another process is using this run"), std::string::npos) << said;
    EXPECT_NE(said.find(first.name()), std::string::npos) << said;
  }
}

TEST_F(Lock, ItEndsWithItsProcess) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    RunLock lock;
    lock.take(run_);
    if (write(ends[1], "x", 1) != 1) _exit(1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ends[0], &byte, 1), 1);
  EXPECT_NE(refusal([&] { refuse_if_held(run_, ""); }), "");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(refusal([&] { RunLock().take(run_); }), "");
}

TEST_F(Lock, ASupervisorsOwnRanksAreLetIn) {
  RunLock supervisor(RunLock::Kind::supervision);
  supervisor.take(run_);
  EXPECT_EQ(refusal([&] { refuse_if_held(run_, supervisor.name()); }), "");
  EXPECT_NE(refusal([&] {
              refuse_if_held(run_, "process 1 on elsewhere");
            }).find("another process supervises this run"),
            std::string::npos);
  EXPECT_NE(refusal([&] { refuse_if_held(run_, ""); }), "");
}

TEST_F(Lock, ARunThatIsNotThereIsHeldByNobody) {
  EXPECT_EQ(refusal([&] { refuse_if_held(run_ / "none", ""); }), "");
}

}  // namespace
}  // namespace nextframe
