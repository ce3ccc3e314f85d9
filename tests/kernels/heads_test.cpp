#include "kernels/heads.h"

#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

constexpr int64_t kFrames = 3, kTokens = 5, kHeads = 2;

Rotation angles(Along along, int64_t head_dim) {
  return rotation_in_time(along == Along::space ? kTokens : kFrames, head_dim);
}

class HeadsTest : public testing::TestWithParam<std::tuple<int64_t, Along>> {};

TEST_P(HeadsTest, AgreeWithTheirDefinition) {
  const auto [head_dim, along] = GetParam();
  const auto rotation = angles(along, head_dim);
  const auto f = [&, along = along](const Tensors& in) {
    const auto heads = split_heads(in[0], kHeads, rotation, along);
    return at::stack({heads.query_SLF, heads.key_SLF, heads.value_SLF});
  };
  expect_agrees(f, {random({2, kFrames, kTokens, 3 * kHeads * head_dim}, 1)});
}

INSTANTIATE_TEST_SUITE_P(WidthsAndWays, HeadsTest,
                         testing::Combine(testing::Values(4, 32, 40),
                                          testing::Values(Along::space, Along::time)));

TEST(Heads, ValuesComeBackWhereTheyWere) {
  for (const auto along : {Along::space, Along::time}) {
    const auto packed = random({2, kFrames, kTokens, 3 * 16}, 1).to(at::kFloat);
    const auto heads = split_heads(packed, kHeads, angles(along, 8), along);
    const auto merged = merge_heads(heads.value_SLF, {2, kFrames, kTokens, 16}, kHeads, along);
    EXPECT_TRUE(at::equal(merged, packed.slice(3, 32)));
  }
}

TEST(Heads, NormalisedRowsHaveUnitMeanSquare) {
  const auto packed = random({1, kFrames, kTokens, 3 * 16}, 1).to(at::kFloat) * 30;
  const auto heads = split_heads(packed, kHeads, angles(Along::space, 8), Along::space);
  EXPECT_TRUE(at::allclose(heads.query_SLF.square().mean(-1), at::ones({6, 5}), 1e-4));
  EXPECT_TRUE(at::allclose(heads.key_SLF.square().mean(-1), at::ones({6, 5}), 1e-4));
}

TEST(Heads, RefuseAnglesForAnotherLength) {
  EXPECT_THROW(split_heads(at::ones({1, 3, 5, 48}), kHeads, rotation_in_time(4, 8), Along::space),
               c10::Error);
}

}  // namespace
}  // namespace nextframe
