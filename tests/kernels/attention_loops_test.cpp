#include <ATen/Parallel.h>

#include "kernels/attention.h"
#include "kernels/cpu/attention_cpu.h"
#include "tests/kernels/attention_inputs.h"

namespace nextframe {
namespace {

using namespace testing_attention;
using namespace testing_gradient;

struct Case {
  int64_t outer, length, inner, heads, head_dim;
  AttentionMask mask;
  bool placed;
};

const std::vector<Case> kCases = {
    {2, 16, 3, 2, 32, frames(1), true},           // along time
    {1, 15, 5, 1, 64, frames(1), true},           //
    {1, 1, 2, 1, 32, frames(1), true},            // one frame
    {3, 67, 1, 2, 32, {}, true},                  // along space
    {1, 33, 1, 1, 20, {}, true},                  // widths that fill no register
    {2, 8, 2, 3, 4, frames(1), false},            //
    {1, 9, 1, 1, 256, frames(1), true},           // the widest
    {1, 48, 1, 1, 128, frames(1), true},          //
    {1, 120, 1, 2, 64, frames(20), false},        // frame-causal
    {1, 119, 1, 1, 16, frames(7, 3), true},       // through a window
    {1, 130, 1, 1, 32, frames(5, 2, 1), false},   // and the first frame
    {1, 96, 1, 1, 48, frames(4, 0, 0, 3), true},  // clips behind one another
    {1, 100, 1, 1, 96, frames(3, 2, 2, 7), false},
};

AttentionOptions options_of(const Case& c) {
  if (c.placed) return placed(c.mask, c.length, c.head_dim);
  auto options = with_mask(c.mask);
  options.scale = 1 / std::sqrt(static_cast<double>(c.head_dim));
  return options;
}

class AttentionLoops : public ::testing::TestWithParam<const cpu::Loops*> {};

/// The kernel's result and gradients of `projections`, as one packed tensor each.
std::pair<at::Tensor, at::Tensor> run(const cpu::Loops& kernel, const at::Tensor& x,
                                      const at::Tensor& grad, const AttentionOptions& options) {
  auto result = cpu::attention(x.select(3, 0), x.select(3, 1), x.select(3, 2), options, kernel);
  auto slopes = at::full_like(x, std::numeric_limits<double>::quiet_NaN());
  cpu::attention_backward(grad, x.select(3, 0), x.select(3, 1), x.select(3, 2), options,
                          slopes.select(3, 0), slopes.select(3, 1), slopes.select(3, 2), kernel);
  return {result, slopes};
}

TEST_P(AttentionLoops, AgreeWithTheDefinitionInFloat64) {
  for (const auto& c : kCases) {
    const auto options = options_of(c);
    const auto exact = random_projections({c.outer, c.length, c.inner, 3, c.heads, c.head_dim});
    const auto grad = random({c.outer, c.length, c.inner, c.heads, c.head_dim}, 2);
    for (const auto& [dtype, tolerance] :
         {std::pair{at::kFloat, 2e-6}, std::pair{at::kBFloat16, 8e-3}}) {
      const auto x = exact.to(dtype), g = grad.to(dtype);  // both are given the rounded numbers
      const auto leaf = x.to(at::kDouble).requires_grad_(true);
      const auto expected = defined_attention(leaf, options);
      expected.backward(g.to(at::kDouble));
      const auto [result, slopes] = run(*GetParam(), x, g, options);
      EXPECT_LT(relative_error(result, expected.detach()), tolerance)
          << c.length << "x" << c.head_dim << " " << dtype;
      EXPECT_LT(relative_error(slopes, leaf.grad()), tolerance)
          << c.length << "x" << c.head_dim << " " << dtype;
    }
  }
}

TEST_P(AttentionLoops, ALaterFrameMovesNoEarlierBit) {
  for (const auto& c : kCases) {
    if (c.mask.frame_tokens == 0 || c.length <= c.mask.frame_tokens) continue;
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      auto x = random_projections({c.outer, c.length, c.inner, 3, c.heads, c.head_dim}).to(dtype);
      const auto grad = at::zeros({c.outer, c.length, c.inner, c.heads, c.head_dim}, dtype);
      const int64_t later = c.length / 2 / c.mask.frame_tokens * c.mask.frame_tokens;
      const auto before = run(*GetParam(), x, grad, options_of(c)).first;
      x.slice(1, later).mul_(-3);
      const auto after = run(*GetParam(), x, grad, options_of(c)).first;
      EXPECT_TRUE(at::equal(before.slice(1, 0, later), after.slice(1, 0, later)))
          << c.length << " " << dtype;
      EXPECT_FALSE(at::equal(before.slice(1, later), after.slice(1, later)));
    }
  }
}

TEST_P(AttentionLoops, AWindowForgets) {
  const auto options = with_mask(frames(4, 2));
  auto x = random_projections({1, 40, 1, 3, 2, 32}).to(at::kFloat);
  const auto grad = at::zeros({1, 40, 1, 2, 32});
  const auto before = run(*GetParam(), x, grad, options).first;
  x.slice(1, 8, 12).neg_();  // frame 2
  const auto after = run(*GetParam(), x, grad, options).first;
  for (int64_t frame = 0; frame < 10; ++frame) {
    const bool same = at::equal(before.slice(1, 4 * frame, 4 * frame + 4),
                                after.slice(1, 4 * frame, 4 * frame + 4));
    EXPECT_EQ(same, frame != 2 && frame != 3) << frame;
  }
}

TEST_P(AttentionLoops, LaterQueriesAloneAreAnsweredAsWithAllOthers) {
  for (const auto& mask : {frames(1), frames(5), frames(5, 2, 1)}) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      auto options = with_mask(mask);
      options.normalise = true;
      options.rotation = rotation_in_time(40, 32);
      const auto x = random_projections({2, 40, 1, 3, 2, 32}).to(dtype);
      const auto q = x.select(3, 0), k = x.select(3, 1), v = x.select(3, 2);
      const auto all = cpu::attention(q, k, v, options, *GetParam());
      for (const int64_t first : {5, 20, 35}) {
        options.mask.first_query = first;
        const auto some = cpu::attention(q.slice(1, first, first + 5), k.slice(1, 0, first + 5),
                                         v.slice(1, 0, first + 5), options, *GetParam());
        EXPECT_LT(relative_error(some, all.slice(1, first, first + 5).to(at::kDouble)),
                  dtype == at::kFloat ? 1e-6 : 4e-3);
      }
    }
  }
}

TEST_P(AttentionLoops, ASingleQueryIsAnsweredAsWithAllOthers) {
  for (const auto& mask : {frames(1), frames(1, 4, 2), frames(1, 0, 0, 7)}) {
    for (const int64_t head_dim : {20, 32, 64}) {
      for (const auto dtype : {at::kFloat, at::kBFloat16}) {
        auto options = with_mask(mask);
        options.normalise = true;
        options.rotation = rotation_in_time(20, head_dim);
        const auto x = random_projections({2, 20, 3, 3, 2, head_dim}).to(dtype);
        const auto q = x.select(3, 0), k = x.select(3, 1), v = x.select(3, 2);
        const auto all = cpu::attention(q, k, v, options, *GetParam());
        for (const int64_t at : {0, 1, 13, 19}) {
          options.mask.first_query = at;
          const auto one = cpu::attention(q.slice(1, at, at + 1), k.slice(1, 0, at + 1),
                                          v.slice(1, 0, at + 1), options, *GetParam());
          EXPECT_LT(relative_error(one, all.slice(1, at, at + 1).to(at::kDouble)),
                    dtype == at::kFloat ? 1e-6 : 8e-3)
              << at << " of width " << head_dim;
        }
      }
    }
  }
}

TEST_P(AttentionLoops, BitsDependOnNeitherNeighboursNorThreads) {
  const auto options = options_of(kCases[0]);
  const auto x = random_projections({6, 16, 64, 3, 2, 32}).to(at::kBFloat16);
  const auto grad = random({6, 16, 64, 2, 32}, 3).to(at::kBFloat16);
  const auto [result, slopes] = run(*GetParam(), x, grad, options);
  const auto [one, one_slopes] = run(*GetParam(), x.slice(0, 4, 5).slice(2, 7, 8).contiguous(),
                                     grad.slice(0, 4, 5).slice(2, 7, 8).contiguous(), options);
  EXPECT_TRUE(at::equal(one, result.slice(0, 4, 5).slice(2, 7, 8)));
  EXPECT_TRUE(at::equal(one_slopes, slopes.slice(0, 4, 5).slice(2, 7, 8)));
  at::set_num_threads(3);
  const auto [threaded, threaded_slopes] = run(*GetParam(), x, grad, options);
  at::set_num_threads(1);
  EXPECT_TRUE(at::equal(threaded, result));
  EXPECT_TRUE(at::equal(threaded_slopes, slopes));
}

TEST_P(AttentionLoops, ANotANumberIsSeenByThoseWhoLookAtIt) {
  auto x = random_projections({1, 8, 1, 3, 1, 32}).to(at::kFloat);
  x.select(3, 1).select(1, 5).fill_(std::numeric_limits<double>::quiet_NaN());  // one key
  const auto result = run(*GetParam(), x, at::zeros({1, 8, 1, 1, 32}), with_mask(frames(1))).first;
  for (int64_t query = 0; query < 8; ++query) {
    EXPECT_EQ(result.select(1, query).isnan().any().item<bool>(), query >= 5) << query;
  }
}

/// Calls too large for any cache write past it; the same units in a small call do not.
TEST_P(AttentionLoops, GiveTheSameBitsPastTheCache) {
  const auto packed = random({2100, 16, 1, 3, 4, 32}, 1).to(at::kFloat);  // 3 * 16 + 16 MiB
  const auto grad = random({2100, 16, 1, 4, 32}, 2).to(at::kFloat);
  const auto options = with_mask(frames(1));
  const auto run = [&](const at::Tensor& x, const at::Tensor& g) {
    const auto part = [&](int64_t i) { return x.select(3, i); };
    const auto grads = at::empty_like(x);
    cpu::attention_backward(g, part(0), part(1), part(2), options, grads.select(3, 0),
                            grads.select(3, 1), grads.select(3, 2), *GetParam());
    return std::pair{cpu::attention(part(0), part(1), part(2), options, *GetParam()), grads};
  };
  const auto [all, all_grads] = run(packed, grad);
  const auto [few, few_grads] = run(packed.slice(0, 2000, 2010), grad.slice(0, 2000, 2010));
  EXPECT_TRUE(at::equal(all.slice(0, 2000, 2010), few));
  EXPECT_TRUE(at::equal(all_grads.slice(0, 2000, 2010), few_grads));
}

INSTANTIATE_TEST_SUITE_P(EachMachine, AttentionLoops, ::testing::ValuesIn(cpu::all_loops()),
                         [](const auto& chosen) { return std::string(chosen.param->name); });

}  // namespace
}  // namespace nextframe
