#include "launch/nccl_communicator.h"

#include <gtest/gtest.h>

#include <string>

#include "launch/error.h"
#include "launch/gpu.h"

namespace nextframe {
namespace {

TEST(NcclCommunicator, ABuildWithoutCudaNamesTheRemedy) {
  if (has_cuda_build()) GTEST_SKIP() << "this build has CUDA; several GPUs are needed for more";
  const auto solo = make_solo_communicator();
  try {
    make_nccl_communicator(*solo, 0);
    FAIL() << "a communicator without NCCL";
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("--preset cuda"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nextframe
