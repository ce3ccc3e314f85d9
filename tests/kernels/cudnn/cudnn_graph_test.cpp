// What cuDNN says of our problems. It takes no GPU, so scripts/compile_cuda runs it: a program of
// its own, without LibTorch.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "kernels/cuda/cudnn_attention.h"

namespace nextframe {
namespace {

/// Packed projections [batch, length, 3, heads, head_dim].
CudnnProblem problem_of(int64_t batch, int64_t length, int64_t heads, int64_t head_dim,
                        bool is_causal, bool is_backward) {
  CudnnProblem problem{is_backward, is_causal, HalfFormat::bf16, batch, heads,
                       length,      length,    head_dim,         0.1f,  {}};
  for (int i = 0; i < problem.operands(); ++i) {
    const int64_t parts = i == kResult || i == kGrad ? 1 : 3;
    problem.strides[i] = {length * parts * heads * head_dim, head_dim, parts * heads * head_dim};
  }
  return problem;
}

template <class F>
void for_each_problem(const F& f) {
  for (const int64_t head_dim : {32, 64, 128}) {
    for (const bool is_causal : {false, true}) {
      for (const bool is_backward : {false, true}) {
        f(problem_of(4, 4096, 16, head_dim, is_causal, is_backward));
        f(problem_of(2, 65, 3, head_dim, is_causal, is_backward));
        auto fp16 = problem_of(1, 300, 1, head_dim, is_causal, is_backward);
        fp16.format = HalfFormat::fp16;
        f(fp16);
      }
    }
  }
}

std::string name_of(const CudnnProblem& p) {
  return std::string(p.is_backward ? "backward" : "forward") + (p.is_causal ? ", causal, " : ", ") +
         std::to_string(p.queries) + " x " + std::to_string(p.head_dim);
}

/// As NVIDIA states them of an H100 and an A100; `scripts/bench/gpu_suite check` writes what a GPU
/// says of itself.
std::string properties_of(int capability) {
  const bool is_h100 = capability == 90;
  const auto number = [](int64_t value) { return std::to_string(value); };
  return R"({"cudaDeviceId":0,"deviceVer":)" + number(10 * capability) +
         R"(,"driverVer":13000,"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)"
         R"("regsPerBlock":65536,"multiProcessorCount":)" +
         number(is_h100 ? 132 : 108) +
         R"(,"warpSize":32,"maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":)" +
         number(is_h100 ? 232448 : 166912) +
         R"(,"reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)"
         R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,)"
         R"("supportCoopLaunch":1,"smClockRateKHz":1500000,"memClockRateKHz":2600000,"l2CacheSize":)" +
         number(is_h100 ? 52428800 : 41943040) + R"(,"totalGlobalMem":85017034752,"deviceName":")" +
         (is_h100 ? "NVIDIA H100 80GB HBM3" : "NVIDIA A100-SXM4-80GB") + R"("})";
}

class CudnnGraphs : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(has_cudnn());
    ASSERT_NE(dlopen("libcudnn.so.9", RTLD_NOW), nullptr) << dlerror();
    // What cuDNN looks for under its name from now on.
    ASSERT_NE(dlopen(NF_PRETENDED_DRIVER, RTLD_NOW | RTLD_GLOBAL), nullptr) << dlerror();
  }
};

TEST_F(CudnnGraphs, OfEveryProblemAreValid) {
  for_each_problem([](const CudnnProblem& problem) {
    for (const int capability : {80, 90}) {
      EXPECT_EQ(cudnn_check(problem, capability), "") << name_of(problem) << " on " << capability;
    }
  });
}

TEST_F(CudnnGraphs, AreRefusedInCudnnsWords) {
  auto problem = problem_of(2, 65, 3, 64, true, true);
  problem.strides[kQuery].position += 1;
  EXPECT_NE(cudnn_check(problem, 90), "") << "rows that are not aligned";
  EXPECT_NE(cudnn_check(problem_of(2, 1, 3, 64, true, true), 90), "") << "one query of one key";
  EXPECT_NE(cudnn_check(problem_of(2, 65, 3, 64, true, false), 70), "") << "a GPU that is too old";
}

TEST_F(CudnnGraphs, OfEveryProblemHaveEngines) {
  for_each_problem([](const CudnnProblem& problem) {
    for (const int capability : {80, 90}) {
      EXPECT_EQ(cudnn_check(problem, capability, properties_of(capability)), "")
          << name_of(problem) << " on " << capability;
    }
  });
  EXPECT_NE(cudnn_check(problem_of(2, 65, 3, 64, true, true), 90, "{}"), "") << "no GPU at all";
}

TEST_F(CudnnGraphs, TakeTheMemoryOfAFixedOrder) {
  for (const int capability : {80, 90}) {
    for (const bool is_causal : {false, true}) {
      const auto problem = problem_of(2, 1100, 3, 64, is_causal, true);
      const auto bytes = cudnn_workspace_bytes(problem, capability, properties_of(capability));
      const int64_t sums = 4 * 2 * 3 * 1100;
      EXPECT_GE(bytes, fixed_order_bytes(problem)) << capability;
      EXPECT_LE(bytes, fixed_order_bytes(problem) + sums + 4096) << capability;
    }
    const auto forward = problem_of(2, 1100, 3, 64, true, false);
    EXPECT_LE(cudnn_workspace_bytes(forward, capability, properties_of(capability)), 4096);
  }
}

}  // namespace
}  // namespace nextframe
