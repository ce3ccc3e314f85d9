#include "kernels/attention.h"

#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

constexpr int64_t kFrames = 4, kTokens = 3, kHeads = 2, kWidth = 8;

Rotation angles(Along along) {
  return rotation_in_time(along == Along::space ? kTokens : kFrames, kWidth / kHeads);
}

at::Tensor attend(const at::Tensor& projections, Along along) {
  return attention(projections, kHeads, angles(along), along, 1.5);
}

at::Tensor projections() { return random({2, kFrames, kTokens, 3 * kWidth}, 1); }

TEST(Attention, AgreesWithFloat64AndFiniteDifferences) {
  for (const auto along : {Along::space, Along::time}) {
    expect_agrees([&](const Tensors& in) { return attend(in[0], along); }, {projections()});
  }
}

/// One query at a time, by loops over what it may see.
at::Tensor by_loops(const at::Tensor& packed, Along along) {
  const auto heads = split_heads(packed, kHeads, angles(along), along);
  const int64_t length = heads.query_SLF.size(1);
  auto result = at::empty_like(heads.value_SLF);
  for (int64_t s = 0; s < result.size(0); ++s) {
    for (int64_t i = 0; i < length; ++i) {
      const int64_t seen = along == Along::time ? i + 1 : length;
      const auto logits = heads.key_SLF[s].slice(0, 0, seen).mv(heads.query_SLF[s][i]) *
                          (1.5 / std::sqrt(double{kWidth} / kHeads));
      result[s][i] = logits.softmax(0).matmul(heads.value_SLF[s].slice(0, 0, seen));
    }
  }
  return merge_heads(result, {2, kFrames, kTokens, kWidth}, kHeads, along);
}

TEST(Attention, IsAWeightedMeanOfWhatATokenMaySee) {
  for (const auto along : {Along::space, Along::time}) {
    EXPECT_TRUE(at::allclose(attend(projections(), along), by_loops(projections(), along)));
  }
}

TEST(Attention, AlongTimeALaterFrameMovesNoEarlierBit) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    auto packed = projections().to(dtype);
    const auto before = attend(packed, Along::time);
    packed.select(1, 2).neg_();
    const auto after = attend(packed, Along::time);
    EXPECT_TRUE(at::equal(before.slice(1, 0, 2), after.slice(1, 0, 2)));
    EXPECT_FALSE(at::equal(before.select(1, 2), after.select(1, 2)));
    EXPECT_FALSE(at::equal(before.select(1, 3), after.select(1, 3)));
  }
}

TEST(Attention, AlongSpaceAFrameSeesItselfOnly) {
  auto packed = projections().to(at::kFloat);
  const auto before = attend(packed, Along::space);
  packed.select(1, 2).select(1, 0).neg_();  // one token of frame 2
  const auto after = attend(packed, Along::space);
  for (int64_t t = 0; t < kFrames; ++t) {
    EXPECT_EQ(at::equal(before.select(1, t), after.select(1, t)), t != 2) << t;
  }
  EXPECT_FALSE(at::equal(before.select(1, 2).select(1, 1), after.select(1, 2).select(1, 1)));
}

}  // namespace
}  // namespace nextframe
