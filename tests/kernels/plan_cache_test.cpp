#include "kernels/cuda/plan_cache.h"

#include <gtest/gtest.h>

#include "kernels/cuda/cudnn_problem.h"

namespace nextframe {
namespace {

CudnnProblem problem() {
  CudnnProblem made{false, true, HalfFormat::bf16, 2, 3, 300, 300, 64, 0.125f, {}};
  made.strides.fill({300 * 192, 64, 192});
  return made;
}

TEST(PlanCache, MakesEachPlanOnce) {
  PlanCache<CudnnProblem, int> plans;
  int made = 0;
  const auto make = [&](const CudnnProblem&) { return std::make_unique<int>(++made); };
  EXPECT_EQ(*plans.of(problem(), make).plan, 1);
  EXPECT_EQ(*plans.of(problem(), make).plan, 1);
  std::vector<CudnnProblem> others(11, problem());
  others[0].is_backward = true, others[1].is_causal = false, others[2].format = HalfFormat::fp16;
  others[3].batch = 1, others[4].heads = 1, others[5].queries = 299, others[6].keys = 299;
  others[7].head_dim = 32, others[8].scale = 0.126f;
  others[9].strides[kValue].head = 8, others[10].strides[kGradValue].batch = 8;
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_EQ(*plans.of(others[i], make).plan, static_cast<int>(i) + 2);
  }
  EXPECT_EQ(*plans.of(problem(), make).plan, 1);
}

TEST(PlanCache, KeepsRefusals) {
  PlanCache<int, int> plans;
  int asked = 0;
  const auto refuse = [&](int) -> std::unique_ptr<int> {
    ++asked;
    throw NotSupported("no engine");
  };
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(plans.of(7, refuse).plan, nullptr);
    EXPECT_EQ(plans.of(7, refuse).refusal, "no engine");
  }
  EXPECT_EQ(asked, 1);
}

TEST(PlanCache, ARefusalHasWords) {
  PlanCache<int, int> plans;
  const auto refuse = [](int) -> std::unique_ptr<int> { throw NotSupported(""); };
  EXPECT_FALSE(plans.of(7, refuse).refusal.empty()) << "an empty one means that it was answered";
}

/// Such a rank would go on with other bits than its neighbours.
TEST(PlanCache, AFailureEndsTheCallAndIsForgotten) {
  PlanCache<int, int> plans;
  const auto fail = [](int) -> std::unique_ptr<int> { throw std::runtime_error("no memory"); };
  EXPECT_THROW(plans.of(7, fail), std::runtime_error);
  const auto& found = plans.of(7, [](int) { return std::make_unique<int>(3); });
  ASSERT_NE(found.plan, nullptr);
  EXPECT_EQ(*found.plan, 3);
  EXPECT_EQ(found.refusal, "");
}

}  // namespace
}  // namespace nextframe
