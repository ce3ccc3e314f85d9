#include "trainer/machine_checks.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace nextframe {
namespace {

namespace fs = std::filesystem;

TEST(MachineChecks, AWritableFolderPassesAndIsLeftEmpty) {
  const auto folder = fs::temp_directory_path() / ("nextframe_doctor_" + std::to_string(getpid()));
  fs::create_directory(folder);
  EXPECT_EQ(check_disk(folder).fix, "");
  EXPECT_EQ(check_clock(folder).fix, "");
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove(folder);
}

TEST(MachineChecks, AFolderThatCannotBeWrittenIsAProblemWithAFix) {
  const fs::path nowhere = "/proc/nextframe";
  for (const auto& check : {check_disk(nowhere), check_free_space(nowhere), check_clock(nowhere)}) {
    EXPECT_NE(check.found, "") << check.what;
    EXPECT_NE(check.fix, "") << check.what;
  }
}

TEST(MachineChecks, TooFewOpenFilesAreAProblem) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto check = check_open_files();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(check.found, "at most 100");
  EXPECT_EQ(check.fix, "run 'ulimit -n 1024' before");
}

}  // namespace
}  // namespace nextframe
