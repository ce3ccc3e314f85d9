#include "launch/device.h"

#include <gtest/gtest.h>

#include "launch/error.h"

namespace nextframe {
namespace {

TEST(PickDevice, CpuWhereAskedOrWhereNothingElseIs) {
  EXPECT_TRUE(pick_device({"cpu", true, 8, 0, 1}).is_cpu());
  EXPECT_TRUE(pick_device({"auto", true, 0, 0, 1}).is_cpu());
  EXPECT_TRUE(pick_device({"auto", false, 0, 0, 1}).is_cpu());
}

TEST(PickDevice, LocalRankChoosesAmongSeveralGpus) {
  EXPECT_EQ(pick_device({"auto", true, 8, 3, 8}).index(), 3);
  EXPECT_EQ(pick_device({"cuda", true, 8, 1, 2}).index(), 1);
}

TEST(PickDevice, TheOnlyVisibleGpuIsTaken) {
  EXPECT_EQ(pick_device({"cuda", true, 1, 3, 4}).index(),
            0);  // the launcher gave each rank its own
}

TEST(PickDevice, FewerGpusThanRanksIsAnError) {
  EXPECT_THROW(pick_device({"auto", true, 2, 0, 3}), EnvironmentError);
}

TEST(PickDevice, CudaThatIsNotThereIsAnError) {
  EXPECT_THROW(pick_device({"cuda", true, 0, 0, 1}), EnvironmentError);
  EXPECT_THROW(pick_device({"cuda", false, 0, 0, 1}), EnvironmentError);
}

TEST(SharedGpuProblem, NamesTheRanksThatWouldShareOne) {
  EXPECT_EQ(shared_gpu_problem({{0, "a"}, {0, "b"}, {2, "a"}, {2, "b"}}), "");
  EXPECT_EQ(shared_gpu_problem({{0, ""}, {0, ""}}), "");
  const auto problem = shared_gpu_problem({{0, "a"}, {0, "b"}, {0, "a"}});
  EXPECT_EQ(problem.find("ranks 0 and 2 would share one GPU"), 0u) << problem;
}

}  // namespace
}  // namespace nextframe
