#include <gtest/gtest.h>

#include <cmath>

#include "kernels/torch.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/parallel/gradient_norm.h"

namespace nextframe {
namespace {

struct SumModel : torch::nn::Module {
  SumModel() {
    at::manual_seed(7);
    register_parameter("head", at::randn({6, 5}));
    register_parameter("running_usage", at::full({4}, 2.0F));
    register_parameter("running_codebook", at::ones({4, 3}));
  }
};

struct SumRun {
  SumRun() : parameters(model), rules(config(), parameters), optimizer(parameters, rules) {}
  static OptimizerConfig config() {
    OptimizerConfig result;
    result.ema_decay = 0.9;
    return result;
  }
  at::Tensor part(const at::Tensor& flat, const std::string& name) const {
    for (const auto& tensor : parameters.layout())
      if (tensor.name == name)
        return flat.narrow(0, tensor.offset, tensor.numel).view(tensor.sizes);
    throw std::runtime_error(name);
  }

  SumModel model;
  FlatParameters parameters;
  UpdateRules rules;
  Optimizer optimizer;
};

TEST(RunningSumRule, MovesTowardsTheSumOfAllGrainsWhateverTheScale) {
  SumRun run;
  const auto gradient = at::zeros_like(run.parameters.values());
  run.part(gradient, "running_usage").copy_(at::tensor({0.0F, 11.0F, 22.0F, 33.0F}));
  run.part(gradient, "running_codebook").fill_(1);
  run.optimizer.update(gradient, 1, 0.01, /*scale=*/1e-3);
  // decay = 1 / 11
  const auto expected = (at::full({4}, 2.0F) + at::tensor({0.0F, 110.0F, 220.0F, 330.0F})) / 11;
  const auto usage = run.part(run.parameters.values(), "running_usage");
  EXPECT_TRUE(at::allclose(usage, expected));
  for (const auto& buffer : run.optimizer.state()) {
    if (buffer.name == "ema") {
      EXPECT_TRUE(at::equal(run.part(buffer.values, "running_usage"), usage));
    }
  }
  run.optimizer.update(gradient, 100000, 0.01, 1e-3);
  EXPECT_TRUE(at::allclose(run.part(run.parameters.values(), "running_usage"),
                           expected * 0.99 + at::tensor({0.0F, 0.11F, 0.22F, 0.33F})));
}

TEST(RunningSumRule, ABadStepChangesNothing) {
  SumRun run;
  const auto before = run.parameters.values().clone();
  run.optimizer.update(at::ones_like(before), 1, 0.01, 1, at::ones({}));
  EXPECT_TRUE(at::equal(run.parameters.values(), before));
}

TEST(RunningSumRule, IsNotPartOfTheGradientsNorm) {
  SumRun run;
  auto gradient = at::zeros_like(run.parameters.values());
  run.part(gradient, "running_usage").fill_(1e6);
  run.part(gradient, "running_codebook").fill_(1e6);
  run.part(gradient, "head").fill_(2);
  EXPECT_NEAR(gradient_norm(run.parameters, gradient).value, 2 * std::sqrt(30.0), 1e-9);
  run.part(gradient, "running_usage")[1] = std::nanf("");
  EXPECT_EQ(gradient_norm(run.parameters, gradient).is_bad.item<float>(), 1);
}

TEST(CodebookRule, ADeadCodeSplitsTheFullest) {
  SumRun run;
  auto book = run.part(run.parameters.values(), "running_codebook");
  // Sums of vectors and counts: code 2 is dead, code 1 is the fullest.
  const auto rows = at::tensor({30.0F, 60.0F, 30.0F, 500.0F, 250.0F, 100.0F, 0.0F, 0.0F, 0.001F,
                                40.0F, 80.0F, 40.0F})
                        .view({4, 3});
  book.copy_(rows);
  const auto gradient = at::zeros_like(run.parameters.values());
  run.part(gradient, "running_codebook").copy_(rows);
  run.optimizer.update(gradient, 500, 0.01, 1);
  EXPECT_NEAR(book[1][2].item<float>(), 50, 1e-3);
  EXPECT_NEAR(book[2][2].item<float>(), 50, 1e-3);
  EXPECT_NEAR((book[2][0] / book[2][2]).item<float>(), 5, 0.06);
  EXPECT_FALSE(at::allclose(book[2].slice(0, 0, 2), book[1].slice(0, 0, 2), 1e-5));
  EXPECT_NEAR(book[1][0].item<float>(), 250, 1e-2);
  EXPECT_TRUE(at::allclose(book[0], rows[0])) << book;
  EXPECT_TRUE(at::allclose(book[3], rows[3])) << book;
  EXPECT_TRUE(run.rules.of(1).needs_whole() || run.rules.of(2).needs_whole());
}

}  // namespace
}  // namespace nextframe
