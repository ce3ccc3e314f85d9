#include "launch/nccl/nccl_communicator.h"

#include <gtest/gtest.h>

#include <string>

#include "launch/device.h"
#include "launch/error.h"

namespace nextframe {
namespace {

// The rest is in tests/launch/fake_nccl/, over a library that stands for NCCL.
TEST(NcclCommunicator, ABuildWithoutCudaNamesTheRemedy) {
  if (has_cuda_build()) GTEST_SKIP() << "this build has CUDA; several GPUs are needed for more";
  try {
    make_gpu_stream(0);
    FAIL() << "a GPU's queue without CUDA";
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("--preset cuda"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nextframe
