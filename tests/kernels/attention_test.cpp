#include "kernels/attention.h"

#include "kernels/cpu/attention_cpu.h"
#include "tests/kernels/attention_inputs.h"

namespace nextframe {
namespace {

using namespace testing_attention;
using namespace testing_gradient;

// ---- The definition

/// One query at a time, by loops over what it may see.
at::Tensor by_loops(const at::Tensor& projections_OLI3KF, const AttentionOptions& options) {
  const auto x = projections_OLI3KF;
  const int64_t length = x.size(1);
  auto result = at::empty({x.size(0), length, x.size(2), x.size(4), x.size(5)}, x.options());
  for (int64_t o = 0; o < x.size(0); ++o) {
    for (int64_t i = 0; i < x.size(2); ++i) {
      for (int64_t k = 0; k < x.size(4); ++k) {
        const auto part = [&](int64_t p) { return x[o].select(1, i).select(1, p).select(1, k); };
        for (int64_t query = 0; query < length; ++query) {
          std::vector<at::Tensor> logits, values;
          for (int64_t key = 0; key < length; ++key) {
            if (!may_look(options.mask, query, key)) continue;
            logits.push_back(part(0)[query].dot(part(1)[key]) * options.scale);
            values.push_back(part(2)[key]);
          }
          result[o][query][i][k] = at::stack(logits).softmax(0).matmul(at::stack(values));
        }
      }
    }
  }
  return result;
}

TEST(Attention, TheDefinitionIsAWeightedMeanOfWhatAQueryMaySee) {
  const auto packed = random_projections({2, 8, 2, 3, 2, 4});
  for (const auto& mask :
       {AttentionMask{}, frames(1), frames(2), frames(2, 2, 1), frames(2, 0, 0, 2)}) {
    EXPECT_TRUE(at::allclose(defined_attention(packed, with_mask(mask)),
                             by_loops(packed, with_mask(mask))));
  }
}

TEST(Attention, OfFloat64HasTheGradientOfFiniteDifferences) {
  auto options = with_mask(frames(2, 2, 1));
  options.normalise = true;
  options.rotation = rotation_in_time(6, 4);
  const Tensors inputs = {random_projections({1, 6, 2, 3, 2, 4})};
  const auto f = [&](const Tensors& in) { return self_attention(in[0], options); };
  const auto weights = random({1, 6, 2, 2, 4}, 5);
  const auto leaf = as(at::kDouble, inputs);
  (f(leaf) * weights).sum().backward();
  EXPECT_LT(relative_error(leaf[0].grad(), slope(f, inputs, 0, weights)), 1e-7);
}

// ---- The operators

TEST(Attention, IsDifferentiableInEveryInput) {
  const auto options = placed(frames(2), 6, 8);
  const Tensors inputs = {random({2, 6, 2, 2, 8}, 1), random({2, 6, 2, 2, 8}, 2),
                          random({2, 6, 2, 2, 8}, 3)};
  expect_agrees([&](const Tensors& in) { return attention(in[0], in[1], in[2], options); }, inputs);
}

TEST(Attention, OfPackedProjectionsIsThatOfTheirParts) {
  const auto options = placed(frames(2), 6, 8);
  const auto x = random_projections({2, 6, 2, 3, 2, 8}).to(at::kFloat);
  EXPECT_TRUE(at::equal(self_attention(x, options),
                        attention(x.select(3, 0), x.select(3, 1), x.select(3, 2), options)));
  expect_agrees([&](const Tensors& in) { return self_attention(in[0], options); },
                {random_projections({2, 6, 2, 3, 2, 8})});
}

TEST(Attention, OfHeadsTooWideForTheLoopsIsTheDefinition) {
  const auto options = with_mask(frames(2));
  const auto x = random_projections({1, 4, 1, 3, 1, cpu::kMaxHeadDim + 4}).to(at::kFloat);
  EXPECT_LT(
      relative_error(self_attention(x, options), defined_attention(x.to(at::kDouble), options)),
      2e-6);
  const auto leaf = x.detach().requires_grad_(true);
  self_attention(leaf, options).sum().backward();
  EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>());
}

TEST(Attention, HasAShapeWithoutValues) {
  const auto x = at::empty({2, 6, 2, 3, 2, 8}, at::device(at::kMeta).dtype(at::kBFloat16));
  const auto result = self_attention(x, with_mask(frames(2)));
  EXPECT_EQ(result.sizes(), (at::IntArrayRef{2, 6, 2, 2, 8}));
  EXPECT_EQ(result.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(result.is_meta());
}

TEST(Attention, RefusesWhatDoesNotFit) {
  const auto x = at::zeros({1, 6, 1, 3, 2, 8});
  const auto q = x.select(3, 0);
  EXPECT_THROW(attention(q, q.slice(4, 0, 4), q, with_mask({})), c10::Error);
  EXPECT_THROW(attention(q, q, q.to(at::kBFloat16), with_mask({})), c10::Error);
  auto options = with_mask(frames(2));
  options.mask.first_query = 1;  // query 5 would be token 6 of 6
  EXPECT_THROW(attention(q, q, q, options), c10::Error);
  options = with_mask(frames(2));
  options.rotation = rotation_in_time(5, 8);
  EXPECT_THROW(self_attention(x, options), c10::Error);
  options = with_mask(frames(2));
  options.scale = 0;
  EXPECT_THROW(self_attention(x, options), c10::Error);
  EXPECT_THROW(self_attention(q, with_mask({})), c10::Error);
}

}  // namespace
}  // namespace nextframe
