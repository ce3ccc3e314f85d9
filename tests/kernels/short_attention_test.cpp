// Short attention's CUDA kernels, run on the CPU (tests/kernels/emulator), against the definition.

#include "kernels/cuda/short_attention_tensors.h"
#include "kernels/torch.h"
#include "tests/kernels/attention_case.h"
#include "tests/kernels/emulator/short_attention_emulated.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_attention;
using namespace testing_gradient;
using emulator::Report;

AttentionMask frames(int64_t frame_tokens, int64_t window = 0, int64_t sink = 0, int64_t clip = 0) {
  AttentionMask mask;
  mask.frame_tokens = frame_tokens, mask.window_frames = window, mask.sink_frames = sink,
  mask.clip_frames = clip;
  return mask;
}

/// Queries, keys and values of [2, L, 3, 1, F]; the last two lie in one packed tensor.
struct Inputs {
  at::Tensor query, key, value, grad;

  Inputs(const Case& c, int64_t inner = 3) {
    const auto packed = random({2, c.keys, inner, 3, 1, c.head_dim}, 1).to(c.dtype);
    key = packed.select(3, 1), value = packed.select(3, 2);
    query = c.queries == c.keys ? packed.select(3, 0)
                                : random({2, c.queries, inner, 1, c.head_dim}, 2).to(c.dtype);
    grad = random({2, c.queries, inner, 1, c.head_dim}, 3).to(c.dtype);
  }
};

struct Results {
  at::Tensor result, grad_query, grad_key, grad_value;
  Report reports[2];
};

/// Both kernels. Every place that they may write is poisoned before.
Results run(const Inputs& in, const AttentionOptions& options, uint32_t blocks = 4) {
  const auto poison = [](const at::Tensor& like) {
    return at::full_like(like, std::numeric_limits<double>::quiet_NaN(),
                         at::MemoryFormat::Contiguous);
  };
  Results out{poison(in.query), poison(in.query), poison(in.key), poison(in.value), {}};
  auto call = short_attention_call(in.query, in.key, in.value, options);
  std::vector<emulator::Memory> memory;
  for (const auto& x :
       {in.query, in.key, in.value, in.grad, out.result, out.grad_query, out.grad_key,
        out.grad_value, options.rotation.cosine_LP, options.rotation.sine_LP}) {
    if (!x.defined()) continue;
    memory.push_back({x.storage().data(), static_cast<int64_t>(x.storage().nbytes())});
  }
  emulator::ShortAttentionRun how{in.query.scalar_type() == at::kBFloat16, false, in.query.size(4),
                                  blocks};
  call.result = attention_operand(out.result);
  out.reports[0] = run_short_attention(how, call, memory);
  how.is_backward = true;
  call.result = attention_operand(in.grad);
  call.grad_query = attention_operand(out.grad_query);
  call.grad_key = attention_operand(out.grad_key);
  call.grad_value = attention_operand(out.grad_value);
  out.reports[1] = run_short_attention(how, call, memory);
  return out;
}

/// The largest relative error of result and gradients.
double error_of(const Results& got, const Inputs& in, const AttentionOptions& options) {
  Tensors leaf;
  for (const auto& x : {in.query, in.key, in.value}) {
    leaf.push_back(x.to(at::kDouble).requires_grad_(true));
  }
  const auto expected = attention_definition(leaf[0], leaf[1], leaf[2], options);
  expected.backward(in.grad.to(at::kDouble));
  return std::max({relative_error(got.result, expected.detach()),
                   relative_error(got.grad_query, leaf[0].grad()),
                   relative_error(got.grad_key, leaf[1].grad()),
                   relative_error(got.grad_value, leaf[2].grad())});
}

void expect_agrees(const Case& c) {
  const auto options = options_of(c);
  const Inputs in(c);
  const auto got = run(in, options);
  for (const auto& report : got.reports) {
    EXPECT_EQ(report.faults, std::vector<std::string>()) << name_of(c);
    EXPECT_EQ(report.bank_conflicts, 0) << name_of(c);
    EXPECT_GT(report.shared_accesses, 0);
  }
  EXPECT_LT(error_of(got, in, options), c.dtype == at::kBFloat16 ? 8e-3 : 1e-3) << name_of(c);
}

TEST(ShortAttention, OfEveryLengthAndWidthIsTheDefinition) {
  bool placed = false;
  for (const int64_t length : {1, 5, 16, 17, 31, 33, 64}) {
    for (const int64_t head_dim : {32, 64, 128}) {
      expect_agrees({length, length, head_dim, frames(1), placed});
      placed = !placed;
    }
  }
}

TEST(ShortAttention, OfEveryMaskIsTheDefinition) {
  const std::vector<AttentionMask> masks = {{},
                                            frames(1),
                                            frames(4),
                                            frames(1, 3),
                                            frames(4, 2),
                                            frames(3, 2, 1),
                                            frames(1, 2, 3),
                                            frames(1, 0, 0, 5),
                                            frames(2, 2, 1, 6)};
  for (const auto& mask : masks) {
    for (const bool placed : {false, true}) {
      expect_agrees({20, 20, 32, mask, placed});
      expect_agrees({45, 45, 32, mask, !placed});
    }
  }
}

TEST(ShortAttention, OfLaterQueriesAloneIsTheDefinition) {
  for (const auto& mask : {frames(1), frames(2, 3, 1)}) {
    for (const int64_t keys : {9, 24, 50}) {
      for (const int64_t queries : {1, 7}) expect_agrees({queries, keys, 64, mask, true});
    }
  }
  expect_agrees({40, 12, 32, {}, true});  // more queries than keys
  expect_agrees({3, 60, 32, {}, false});
}

TEST(ShortAttention, OfFloat16IsTheDefinition) {
  for (const int64_t length : {16, 25, 50}) {
    expect_agrees({length, length, 32, frames(1), true, at::kHalf});
    expect_agrees({length, length, 64, {}, false, at::kHalf});
  }
}

TEST(ShortAttention, AMaskOffByOneIsNotTheDefinition) {
  const Case c{20, 20, 32, frames(1, 3), false};
  auto options = options_of(c);
  const Inputs in(c);
  options.mask.window_frames = 4;
  const auto got = run(in, options);
  EXPECT_GT(error_of(got, in, options_of(c)), 0.05);
  options = options_of(c);
  options.mask.first_query = -1;
  EXPECT_GT(error_of(run(in, options), in, options_of(c)), 0.05);
}

TEST(ShortAttention, BitsOfASequenceDependOnItAlone) {
  const Case c{20, 20, 32, frames(1), true};
  const Inputs in(c, 5);
  const auto all = run(in, options_of(c), 3), again = run(in, options_of(c), 7);
  auto one = in;
  for (auto* x : {&one.query, &one.key, &one.value, &one.grad}) {
    *x = x->slice(0, 1, 2).slice(2, 3, 4).contiguous();
  }
  const auto alone = run(one, options_of(c), 1);
  for (const auto part :
       {&Results::result, &Results::grad_query, &Results::grad_key, &Results::grad_value}) {
    EXPECT_TRUE(at::equal(all.*part, again.*part));
    EXPECT_TRUE(at::equal((all.*part).slice(0, 1, 2).slice(2, 3, 4), alone.*part));
  }
}

TEST(ShortAttention, ANotANumberIsSeenByThoseWhoLookAtIt) {
  const Case c{20, 20, 32, frames(1), false};
  Inputs in(c);
  in.key.select(1, 5).fill_(std::numeric_limits<double>::quiet_NaN());
  const auto got = run(in, options_of(c));
  for (int64_t query = 0; query < 20; ++query) {
    EXPECT_EQ(got.result.select(1, query).isnan().any().item<bool>(), query >= 5) << query;
  }
}

TEST(ShortAttention, IsForShortSequencesOfHalfFormatsAlone) {
  const auto fits = [](at::IntArrayRef sizes, at::ScalarType dtype) {
    const auto x = at::zeros(sizes, dtype);
    return is_short_attention(x, x, AttentionOptions());
  };
  EXPECT_TRUE(fits({1, 64, 2, 2, 32}, at::kBFloat16));
  EXPECT_TRUE(fits({1, 1, 2, 2, 128}, at::kHalf));
  EXPECT_FALSE(fits({1, 65, 2, 2, 32}, at::kBFloat16));
  EXPECT_FALSE(fits({1, 64, 2, 2, 48}, at::kBFloat16));
  EXPECT_FALSE(fits({1, 64, 2, 2, 32}, at::kFloat));
  EXPECT_FALSE(fits({0, 64, 2, 2, 32}, at::kBFloat16));
}

TEST(ShortAttention, ReadsRowsInPlaceIfTheyAreAligned) {
  const auto packed = at::zeros({2, 4, 3, 3, 2, 32}, at::kBFloat16);
  EXPECT_TRUE(with_aligned_rows(packed.select(3, 1)).is_alias_of(packed));
  const auto odd = at::zeros({2, 4, 3, 2, 33}, at::kBFloat16).slice(4, 1);
  EXPECT_FALSE(with_aligned_rows(odd).is_alias_of(odd));
  const auto turned = at::zeros({2, 4, 3, 32, 2}, at::kBFloat16).transpose(3, 4);
  EXPECT_TRUE(with_aligned_rows(turned).is_contiguous());
  const auto spread = at::zeros({1}, at::kBFloat16).expand({2, 4, 3, 2, 32});
  EXPECT_TRUE(with_aligned_rows(spread).is_contiguous());
}

}  // namespace
}  // namespace nextframe
