#include "launch/environment.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <ctime>
#include <string>

namespace nextframe {
namespace {

TEST(Environment, FindsTheVariablesThatDecideBits) {
  unsetenv("CUDNN_ERRATA_JSON_FILE");
  unsetenv("CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT");
  EXPECT_TRUE(numerics_variables().empty());
  setenv("CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT", "0", 1);
  EXPECT_EQ(numerics_variables(),
            (std::map<std::string, std::string>{{"CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT", "0"}}));
  unsetenv("CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT");
}

TEST(Environment, AJobsEndCountsInThatJobAndWhileItLiesAhead) {
  const auto end_in = [](int64_t seconds) {
    setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + seconds).c_str(), 1);
    return read_launcher_environment();
  };
  unsetenv("SLURM_JOB_ID");
  EXPECT_FALSE(end_in(100).job_ends_in_s.has_value());
  EXPECT_NE(end_in(100).unheeded, "");
  setenv("SLURM_JOB_ID", "7", 1);
  EXPECT_NEAR(end_in(100).job_ends_in_s.value_or(0), 100, 2);
  EXPECT_EQ(end_in(100).unheeded, "");
  EXPECT_FALSE(end_in(-100).job_ends_in_s.has_value());
  EXPECT_NE(end_in(-100).unheeded, "");
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_JOB_END_TIME");
}

}  // namespace
}  // namespace nextframe
