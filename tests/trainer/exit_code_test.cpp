#include "trainer/exit_code.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include "data/error.h"
#include "launch/error.h"
#include "trainer/config/config.h"

namespace nextframe {
namespace {

template <class Error>
Failure failure_of(const Error& error) {
  return describe_failure(std::make_exception_ptr(error));
}

TEST(Failure, EachKindOfErrorHasItsExitCode) {
  EXPECT_EQ(failure_of(UsageError("x")).code, ExitCode::usage);
  EXPECT_EQ(failure_of(DataError("x")).code, ExitCode::data);
  EXPECT_EQ(failure_of(CheckpointError("x")).code, ExitCode::checkpoint);
  EXPECT_EQ(failure_of(EnvironmentError("x")).code, ExitCode::environment);
  EXPECT_EQ(failure_of(NumericsError("x")).code, ExitCode::numerics);
  EXPECT_EQ(failure_of(ExitError(ExitCode::hang, "x")).code, ExitCode::hang);
  EXPECT_EQ(failure_of(std::bad_alloc()).code, ExitCode::memory);
  EXPECT_EQ(failure_of(std::runtime_error("x")).code, ExitCode::internal);
  EXPECT_EQ(failure_of(7).code, ExitCode::internal);
  EXPECT_EQ(failure_of(DataError("broken shard")).message, "broken shard");
}

TEST(Failure, OnlyAConfigErrorBringsItsOwnPlaces) {
  Problems problems;
  problems.add({std::make_shared<Source>(Source{"run.yaml", {}}), 2, 3}, "is odd");
  const auto failure = failure_of(ConfigError(problems.sorted()));
  EXPECT_EQ(failure.code, ExitCode::usage);
  EXPECT_EQ(failure.message, "run.yaml:2:3 error  is odd\n1 error; nothing was started.");
  EXPECT_TRUE(failure.is_placed);
  EXPECT_FALSE(failure_of(UsageError("x")).is_placed);
}

Failure failure_of_check(const std::string& message) {
  try {
    TORCH_CHECK(false, message);
  } catch (...) {
    return describe_failure(std::current_exception());
  }
}

TEST(Failure, LibTorchErrorsComeWithoutABacktrace) {
  const auto failure = failure_of_check("patchify: patch_px 7 must divide the frame size");
  EXPECT_EQ(failure.code, ExitCode::internal);
  EXPECT_EQ(failure.message, "patchify: patch_px 7 must divide the frame size");
}

TEST(Failure, WhatTheSystemRefusesIsToldInItsOwnWords) {
  const auto threads = failure_of(
      std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again)));
  EXPECT_EQ(threads.code, ExitCode::environment);
  EXPECT_EQ(threads.message.find("the system allows no more threads"), 0u) << threads.message;
  const auto file = failure_of(std::filesystem::filesystem_error(
      "cannot rename", "a/b", std::make_error_code(std::errc::permission_denied)));
  EXPECT_EQ(file.code, ExitCode::environment);
  EXPECT_EQ(file.message, "a/b: Permission denied");
}

TEST(Failure, LibTorchOutOfMemoryIsTold) {
  EXPECT_EQ(failure_of_check("DefaultCPUAllocator: can't allocate memory").code, ExitCode::memory);
  try {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory");
  } catch (...) {
    EXPECT_EQ(describe_failure(std::current_exception()).code, ExitCode::memory);
  }
}

}  // namespace
}  // namespace nextframe
