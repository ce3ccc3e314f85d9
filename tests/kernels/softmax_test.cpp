#include "kernels/softmax.h"

#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

class Softmax : public testing::TestWithParam<std::tuple<int64_t, bool>> {};

TEST_P(Softmax, AgreesWithItsDefinition) {
  const auto [length, causal] = GetParam();
  const auto f = [causal = causal](const Tensors& in) {
    return attention_softmax(in[0], 0.7, causal);
  };
  expect_agrees(f, {random({2, length, length}, 1)});
}

INSTANTIATE_TEST_SUITE_P(Lengths, Softmax,
                         testing::Combine(testing::Values(1, 7, 16, 21), testing::Bool()));

TEST(Softmax, LooksAtNothingLater) {
  auto scores = random({1, 20, 20}, 1).to(at::kFloat);
  const auto before = attention_softmax(scores, 1, /*causal=*/true);
  scores[0].add_(at::ones({20, 20}).triu(1) * 50);
  EXPECT_TRUE(at::equal(attention_softmax(scores, 1, true), before));
  EXPECT_EQ(before[0].triu(1).abs().max().item<float>(), 0);
}

TEST(Softmax, SurvivesLargeScores) {
  const auto scores = random({1, 9, 9}, 1).to(at::kFloat) * 1e5;
  const auto shares = attention_softmax(scores, 1, false);
  EXPECT_TRUE(at::allclose(shares.sum(-1), at::ones({1, 9})));
}

TEST(Softmax, PassesNanOn) {
  auto scores = at::ones({1, 3, 3});
  scores[0][1][0] = NAN;
  const auto shares = attention_softmax(scores, 1, false);
  EXPECT_TRUE(shares[0][1].isnan().all().item<bool>());
  EXPECT_FALSE(shares[0][2].isnan().any().item<bool>());
}

TEST(Softmax, RefusesScoresThatAreNotSquare) {
  EXPECT_THROW(attention_softmax(at::ones({2, 3}), 1, false), c10::Error);
}

}  // namespace
}  // namespace nextframe
