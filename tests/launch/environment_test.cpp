#include "launch/environment.h"

#include <gtest/gtest.h>
#include <stdlib.h>

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

}  // namespace
}  // namespace nextframe
