#include "kernels/cuda/cudnn_attention.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(CudnnAttention, OfABuildWithoutItSaysSo) {
  if (has_cudnn()) return;
  EXPECT_NE(cudnn_attention({}, nullptr, {}).find("this build has no cuDNN"), std::string::npos);
  EXPECT_EQ(cudnn_check({}, 90), cudnn_attention({}, nullptr, {}));
  EXPECT_THROW(cudnn_workspace_bytes({}, 90, "{}"), std::runtime_error);
  EXPECT_THROW(cudnn_device(), std::runtime_error);
}

}  // namespace
}  // namespace nextframe
