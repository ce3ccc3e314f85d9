#include "trainer/recompute.h"

#include <gtest/gtest.h>

#include "launch/host_memory.h"
#include "tests/model/tiny.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/parallel/gradient_buckets.h"

namespace nextframe {
namespace {

using Again = RecomputeRunner::Again;

std::vector<std::string> models_with_a_trunk() {
  std::vector<std::string> names;
  for (const auto& name : ModelRegistry::instance().names()) {
    tiny::Options options;
    options.model = name;
    if (tiny::make(options)->run_blocks_with(std::make_shared<BlockRunner>()))
      names.push_back(name);
  }
  return names;
}

struct Case {
  std::string model, objective;
  bool bf16;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& model : models_with_a_trunk()) {
    for (const auto& objective : ObjectiveRegistry::instance().names()) {
      if (objective.starts_with("fake")) continue;  // of other tests of this program
      for (const bool bf16 : {false, true}) all.push_back({model, objective, bf16});
    }
  }
  return all;
}

/// A model that has left its start, where its head is zero and nothing flows back.
std::shared_ptr<WorldModel> make(const Case& of) {
  tiny::Options options;
  options.model = of.model, options.objective = of.objective, options.bf16 = of.bf16;
  const auto model = tiny::make(options);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {
    parameter.add_(at::randn(parameter.sizes(), at::make_generator<at::CPUGeneratorImpl>(5)), 0.05);
  }
  return model;
}

struct Gradients {
  at::Tensor loss, gradients;
  std::map<int64_t, int64_t> times_ready;  // of each parameter
  bool are_complete = true;                // what the hooks saw is what there was at the end
  int64_t kept_bytes = 0;                  // between forward and backward
};

/// Two backward passes into the same buffer, as two grains would.
Gradients gradients_of(const Case& of, std::shared_ptr<BlockRunner> runner) {
  const auto model = make(of);
  if (runner) model->run_blocks_with(std::move(runner));
  FlatParameters parameters(*model);
  Gradients result;
  std::map<int64_t, at::Tensor> seen;
  const GradientHooks hooks(parameters.parameters(), [&](int64_t tensor) {
    ++result.times_ready[tensor];
    seen[tensor] = parameters.parameters()[static_cast<size_t>(tensor)].grad().clone();
  });
  const auto clip = tiny::clips(tiny::Options().shape, 4);
  for (const int64_t step : {1, 2}) {
    const int64_t before = host_memory_in_use_bytes();
    const auto terms = model->loss(clip, as_tensor({1, static_cast<uint64_t>(step)}));
    result.kept_bytes = host_memory_in_use_bytes() - before;
    terms.sum.backward();
    result.loss = terms.sum.detach();
  }
  for (const auto& [tensor, gradient] : seen) {
    result.are_complete &=
        at::equal(gradient, parameters.parameters()[static_cast<size_t>(tensor)].grad());
  }
  result.gradients = parameters.gradients().clone();
  return result;
}

class Recompute : public testing::TestWithParam<Case> {};

TEST_P(Recompute, ChangesNoBitOfLossAndGradients) {
  const auto plain = gradients_of(GetParam(), nullptr);
  EXPECT_GT(plain.gradients.abs().max().item<float>(), 0);
  for (const auto again : {Again::block, Again::attention}) {
    const auto recomputed = gradients_of(GetParam(), std::make_shared<RecomputeRunner>(again));
    EXPECT_TRUE(at::equal(plain.loss, recomputed.loss));
    EXPECT_TRUE(at::equal(plain.gradients, recomputed.gradients));
  }
}

TEST_P(Recompute, TellsOfEachGradientOnceABackwardWhenItIsComplete) {
  const auto plain = gradients_of(GetParam(), nullptr);
  for (const auto again : {Again::block, Again::attention}) {
    const auto recomputed = gradients_of(GetParam(), std::make_shared<RecomputeRunner>(again));
    EXPECT_EQ(recomputed.times_ready, plain.times_ready);
    EXPECT_TRUE(recomputed.are_complete);
    for (const auto& [tensor, times] : recomputed.times_ready) EXPECT_EQ(times, 2) << tensor;
  }
}

std::string test_name(const testing::TestParamInfo<Case>& info) {
  return info.param.model + "_" + info.param.objective + (info.param.bf16 ? "_bf16" : "_fp32");
}

INSTANTIATE_TEST_SUITE_P(Trunks, Recompute, testing::ValuesIn(cases()), test_name);

/// What a runner around or inside sees.
class Counting : public BlockRunner {
 public:
  at::Tensor run(int64_t index, const Block& block, const at::Tensor& hidden) override {
    calls.emplace_back(index, at::GradMode::is_enabled());
    return block(hidden);
  }
  std::vector<std::pair<int64_t, bool>> calls;
};

const Case kTransformer = {"space_time_transformer", "regress", false};

TEST(RecomputeRunner, RunsABlockWithoutGradientsAndAgainInBackwardLastFirst) {
  const auto inner = std::make_shared<Counting>();
  gradients_of(kTransformer, std::make_shared<RecomputeRunner>(Again::block, inner));
  const std::vector<std::pair<int64_t, bool>> grain = {
      {0, false}, {1, false}, {1, true}, {0, true}};
  ASSERT_EQ(inner->calls.size(), 2 * grain.size());
  EXPECT_TRUE(std::equal(grain.begin(), grain.end(), inner->calls.begin()));
}

TEST(RecomputeRunner, RunsOnceWhereNoGradientIsWanted) {
  const auto inner = std::make_shared<Counting>();
  const auto model = make(kTransformer);
  model->run_blocks_with(std::make_shared<RecomputeRunner>(Again::block, inner));
  const auto clip = tiny::clips(tiny::Options().shape, 1);
  model->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
  EXPECT_EQ(inner->calls, (std::vector<std::pair<int64_t, bool>>{{0, false}, {1, false}}));
}

// Sanitizers keep their own allocator, so nothing is counted there.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(RecomputeRunner, KeepsLessBetweenForwardAndBackward) {
  use_pooled_host_memory();
  const auto counted = at::empty({1 << 20});
  ASSERT_GT(take_host_memory_peak_bytes(), 0);
  const auto kept = [](std::shared_ptr<BlockRunner> runner) {
    return gradients_of(kTransformer, std::move(runner)).kept_bytes;
  };
  const auto all = kept(nullptr),
             attention = kept(std::make_shared<RecomputeRunner>(Again::attention)),
             block = kept(std::make_shared<RecomputeRunner>(Again::block));
  EXPECT_LT(attention, all);
  EXPECT_LT(block, attention);
  EXPECT_LT(static_cast<double>(block), 0.5 * static_cast<double>(all));
}
#endif

TEST(RecomputeRunner, ParametersLearnEvenFromAnInputThatNeedsNoGradient) {
  const auto weight = at::full({2, 2}, 0.5).requires_grad_();
  RecomputeRunner runner(Again::block);
  const auto result = runner.run(
      0, {nullptr, [&](const at::Tensor& x) { return at::mm(x, weight); }}, at::ones({1, 2}));
  result.sum().backward();
  EXPECT_TRUE(at::equal(weight.grad(), at::ones({2, 2})));
}

TEST(RecomputeRunner, ABlockThatIsNotCutHasNoAttentionToRunAgain) {
  RecomputeRunner runner(Again::attention);
  const auto input = at::ones({1}).requires_grad_();
  EXPECT_THROW(runner.run(3, {nullptr, [](const at::Tensor& x) { return 2 * x; }}, input),
               UsageError);
}

TEST(RecomputeRunner, AModelWithoutATrunkIsRefusedByName) {
  Config config;
  config.resolved = {{"model.name", "frame_mlp", "", FieldTag::identity}};
  const auto model = tiny::make(tiny::Options());
  EXPECT_NO_THROW(recompute_blocks(*model, config));
  config.trainer.recompute = "block";
  try {
    recompute_blocks(*model, config);
    FAIL() << "not refused";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("frame_mlp"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nextframe
