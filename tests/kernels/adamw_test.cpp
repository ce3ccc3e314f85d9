#include "kernels/adamw.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace nextframe {
namespace {

struct AdamwBuffers {
  at::Tensor values, gradients, moment1, moment2, average;

  explicit AdamwBuffers(int64_t count)
      : values(at::randn({count})),
        gradients(at::randn({count})),
        moment1(at::randn({count})),
        moment2(at::rand({count})),
        average(at::randn({count})) {}

  AdamwBuffers clone() const {
    AdamwBuffers copy(0);
    copy.values = values.clone(), copy.gradients = gradients.clone(),
    copy.moment1 = moment1.clone();
    copy.moment2 = moment2.clone(), copy.average = average.clone();
    return copy;
  }
  void step(decltype(adamw_definition)* update, const AdamWConstants& constants,
            const at::Tensor& numbers) {
    update(values, gradients, moment1, moment2, average, constants, numbers);
  }
  at::Tensor all() const { return at::cat({values, moment1, moment2, average}); }
};

/// adamw in the loops of this machine.
void adamw_here(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& moment1,
                const at::Tensor& moment2, const at::Tensor& average,
                const AdamWConstants& constants, const at::Tensor& numbers) {
  adamw(values, gradients, moment1, moment2, average, constants, numbers);
}

const AdamWConstants kConstants{.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1};
const AdamWStep kStep{.lr = 1e-2, .gradient_scale = 0.37, .ema_decay = 0.99, .step = 3};
const auto kNumbers = adamw_numbers(kConstants, kStep);

TEST(AdamW, CpuLoopAgreesWithItsDefinition) {
  at::manual_seed(1);
  AdamwBuffers fast(1003);
  AdamwBuffers plain = fast.clone();
  for (int i = 0; i < 5; ++i)
    fast.step(adamw_here, kConstants, kNumbers), plain.step(adamw_definition, kConstants, kNumbers);
  EXPECT_TRUE(at::allclose(fast.values, plain.values, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(fast.moment2, plain.moment2, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(fast.average, plain.average, 1e-5, 1e-6));
}

TEST(AdamW, FirstStepMovesEachValueByTheLearningRate) {
  AdamwBuffers b(4);
  b.values.zero_(), b.moment1.zero_(), b.moment2.zero_();
  b.gradients = at::tensor({1.0f, -2.0f, 0.5f, -0.25f});
  AdamWConstants constants = kConstants;
  constants.weight_decay = 0;
  b.step(adamw_here, constants, adamw_numbers(constants, {1e-2, 1, 0.99, 1}));
  EXPECT_TRUE(at::allclose(b.values, at::tensor({-0.01f, 0.01f, -0.01f, 0.01f}), 1e-5));
}

TEST(AdamW, AnElementGetsTheSameBitsWhereverItStands) {
  at::manual_seed(2);
  AdamwBuffers whole(1000);
  AdamwBuffers cut = whole.clone();
  whole.step(adamw_here, kConstants, kNumbers);
  for (const auto& [begin, count] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 333}, {334, 3}, {337, 663}}) {
    adamw(cut.values.narrow(0, begin, count), cut.gradients.narrow(0, begin, count),
          cut.moment1.narrow(0, begin, count), cut.moment2.narrow(0, begin, count),
          cut.average.narrow(0, begin, count), kConstants, kNumbers);
  }
  EXPECT_TRUE(at::equal(whole.values, cut.values));
  EXPECT_TRUE(at::equal(whole.average, cut.average));
}

TEST(AdamW, BuffersOfUnequalLengthAreRefused) {
  AdamwBuffers b(8);
  EXPECT_THROW(adamw(b.values, b.gradients.narrow(0, 0, 7), b.moment1, b.moment2, b.average,
                     kConstants, kNumbers),
               c10::Error);
  EXPECT_THROW(b.step(adamw_here, kConstants, kNumbers.to(at::kDouble)), c10::Error);
}

TEST(AdamW, NumbersThatAreBadChangeNothing) {
  at::manual_seed(3);
  for (auto* const update : {adamw_here, adamw_definition}) {
    AdamwBuffers b(1003);
    b.gradients[17] = std::nanf("");
    const AdamwBuffers before = b.clone();
    const auto numbers = kNumbers.clone();
    numbers.select(0, -1).fill_(1);
    b.step(update, kConstants, numbers);
    EXPECT_TRUE(at::equal(b.all(), before.all()));
    numbers.select(0, -1).fill_(0);
    b.step(update, kConstants, numbers);
    EXPECT_TRUE(b.all().isnan().any().item<bool>());
  }
}

/// What lies in memory decides, not what was there when the call was made ready.
TEST(AdamW, OtherNumbersInTheSamePlaceMakeAnotherStep) {
  at::manual_seed(4);
  AdamwBuffers replayed(1003);
  AdamwBuffers expected = replayed.clone();
  const auto place = kNumbers.clone();
  for (const int64_t step : {1, 2, 9}) {
    const auto numbers =
        adamw_numbers(kConstants, {1e-2 / static_cast<double>(step), 0.5, 0.9, step});
    place.copy_(numbers);
    replayed.step(adamw_here, kConstants, place);
    expected.step(adamw_here, kConstants, numbers);
  }
  EXPECT_TRUE(at::equal(replayed.all(), expected.all()));
}

TEST(AdamW, ATensorWithoutDecayTakesTheNumbersOfOneWith) {
  at::manual_seed(5);
  AdamwBuffers shared(1003);
  AdamwBuffers alone = shared.clone();
  AdamWConstants without = kConstants;
  without.weight_decay = 0;
  shared.step(adamw_here, without, kNumbers);
  alone.step(adamw_here, without, adamw_numbers(without, kStep));
  EXPECT_TRUE(at::equal(shared.all(), alone.all()));
}

TEST(SquaredNorm, SumsInDoublePrecision) {
  const auto x = at::full({65536}, 1.0f + 0x1p-20f);
  const double one = 1.0 + 0x1p-20;
  EXPECT_NEAR(squared_norm(x), 65536 * one * one, 1e-8);
}

TEST(SquaredNorm, OddLengthsCountEveryElement) {
  for (int64_t count : {0, 1, 7, 8, 9, 1001})
    EXPECT_EQ(squared_norm(at::full({count}, 2.0f)), 4.0 * static_cast<double>(count));
}

}  // namespace
}  // namespace nextframe
