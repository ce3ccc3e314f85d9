#include "launch/supervise/child_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "launch/error.h"
#include "launch/supervise/process_tree.h"

namespace nextframe {
namespace {

struct Log {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("child_process_test." + std::to_string(getpid()));
  ~Log() { std::filesystem::remove(path); }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
  }
};

ChildResult run(
    const Log& log, const std::string& script, double limit_s = 10,
    const std::function<bool()>& stop = [] { return false; }) {
  return run_child({{"/bin/sh", "-c", script}, {{"NF_CHILD_TEST", "told"}}, log.path, limit_s},
                   stop);
}

TEST(ChildProcess, GivesItsExitCodeAndKeepsWhatItPrinted) {
  const Log log;
  EXPECT_EQ(run(log, "echo out $NF_CHILD_TEST; echo err >&2; exit 6").code, 6);
  EXPECT_EQ(log.text(), "out told\nerr\n");
}

TEST(ChildProcess, ASignalIsACodeAbove128) { EXPECT_EQ(run(Log(), "kill -SEGV $$").code, 139); }

TEST(ChildProcess, WhatTakesTooLongIsEndedWithAllItStarted) {
  const Log log;
  const auto result = run(log, "setsid sleep 60 & sleep 60", 0.2);
  EXPECT_TRUE(result.timed_out);
  EXPECT_TRUE(descendants(getpid()).empty());
}

TEST(ChildProcess, StopsWhenAsked) {
  int looks = 0;
  const auto result = run(Log(), "sleep 60", 30, [&] { return ++looks > 3; });
  EXPECT_TRUE(result.is_interrupted);
  EXPECT_FALSE(result.timed_out);
}

TEST(ChildProcess, AProgramThatIsNotThereIsNamed) {
  const Log log;
  try {
    run_child({{"/no/such/program"}, {}, log.path, 5}, [] { return false; });
    FAIL() << "not refused";
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("/no/such/program"), std::string::npos);
  }
}

}  // namespace
}  // namespace nextframe
