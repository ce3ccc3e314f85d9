#include "kernels/decode_attention.h"

#include "kernels/cpu/attention_cpu.h"
#include "tests/kernels/decode_case.h"

namespace nextframe {
namespace {

using namespace testing_decode;
using testing_gradient::relative_error;

at::Tensor by_operator(const at::Tensor& tokens, const KvCache& ring, const DecodeOptions& step) {
  return decode_attention(tokens, ring, step);
}

const std::vector<Case> kCases = {
    {.outer = 2,
     .frames = 11,
     .frame_tokens = 1,
     .inner = 3,
     .heads = 2,
     .head_dim = 32,
     .window = 4},
    {.outer = 1,
     .frames = 40,
     .frame_tokens = 1,
     .inner = 2,
     .heads = 3,
     .head_dim = 64,
     .window = 17,
     .start = 9},
    {.outer = 2,
     .frames = 7,
     .frame_tokens = 1,
     .inner = 5,
     .heads = 1,
     .head_dim = 20,
     .window = 3,
     .spare = 2,
     .by_head = false},
    {.outer = 1,
     .frames = 5,
     .frame_tokens = 1,
     .inner = 1,
     .heads = 1,
     .head_dim = 96,
     .window = 8,
     .placed = false},
    {.outer = 1,
     .frames = 3,
     .frame_tokens = 1,
     .inner = 2,
     .heads = 2,
     .head_dim = 4,
     .window = 1},
    {.outer = 2,
     .frames = 9,
     .frame_tokens = 6,
     .inner = 1,
     .heads = 2,
     .head_dim = 32,
     .window = 4},
    {.outer = 1,
     .frames = 9,
     .frame_tokens = 5,
     .inner = 1,
     .heads = 2,
     .head_dim = 16,
     .window = 3,
     .spare = 4,
     .start = 7,
     .by_head = false},
};

TEST(DecodeAttention, OverARingIsAttentionThroughAWindow) {
  for (const int64_t frame_tokens : {1, 3}) {
    for (const int64_t window : {1, 2, 5, 8}) {
      for (const int64_t spare : {0, 4}) {
        const Case c{.outer = 1,
                     .frames = 3 * window + 2,
                     .frame_tokens = frame_tokens,
                     .inner = 2,
                     .heads = 1,
                     .head_dim = 8,
                     .window = window,
                     .spare = spare};
        const auto x = tokens_of(c);
        EXPECT_LT(relative_error(dream(c, x, decode_attention_definition), all_at_once(c, x)),
                  1e-12)
            << name_of(c);
      }
    }
  }
}

TEST(DecodeAttention, OfEveryFormatIsTheDefinition) {
  for (const auto& c : kCases) {
    for (const auto& [dtype, tolerance] :
         {std::pair{at::kDouble, 1e-12}, std::pair{at::kFloat, 2e-6}, std::pair{at::kHalf, 2e-3},
          std::pair{at::kBFloat16, 1e-2}}) {
      const auto x = tokens_of(c).to(dtype);
      EXPECT_LT(relative_error(dream(c, x, by_operator), all_at_once(c, x.to(at::kDouble))),
                tolerance)
          << name_of(c) << " " << dtype;
    }
  }
}

TEST(DecodeAttention, BitsDoNotDependOnWhereInTheRingTokensLie) {
  for (auto c : kCases) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const auto x = tokens_of(c).to(dtype);
      c.start = 0;
      const auto expected = dream(c, x, by_operator);
      c.start = c.slots() - 1;
      EXPECT_TRUE(at::equal(dream(c, x, by_operator), expected)) << name_of(c) << " " << dtype;
      c.spare += 3, c.by_head = !c.by_head;
      EXPECT_TRUE(at::equal(dream(c, x, by_operator), expected)) << name_of(c) << " " << dtype;
    }
  }
}

TEST(DecodeAttention, BitsOfASequenceDependOnItAlone) {
  auto c = kCases[0];
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto x = tokens_of(c).to(dtype);
    auto one = c;
    one.outer = one.inner = 1;
    const auto cut = [](const at::Tensor& all) { return all.slice(0, 1, 2).slice(2, 2, 3); };
    EXPECT_TRUE(
        at::equal(dream(one, cut(x).contiguous(), by_operator), cut(dream(c, x, by_operator))));
  }
}

TEST(DecodeAttention, KeepsTokensWithoutAnsweringThem) {
  const auto& c = kCases[6];
  const auto x = tokens_of(c).to(at::kFloat);
  const auto keep = [](const at::Tensor& tokens, const KvCache& ring, const DecodeOptions& step) {
    write_kv_cache(tokens, ring, step);
    return at::cat({ring.key, ring.value}, 1).clone();
  };
  const auto answer = [](const at::Tensor& tokens, const KvCache& ring, const DecodeOptions& step) {
    decode_attention(tokens, ring, step);
    return at::cat({ring.key, ring.value}, 1).clone();
  };
  EXPECT_TRUE(at::allclose(dream(c, x, keep), dream(c, x, answer), 1e-6, 1e-6, /*equal_nan=*/true));
}

class DecodeLoops : public ::testing::TestWithParam<const cpu::Loops*> {};

TEST_P(DecodeLoops, AgreeWithTheDefinitionInFloat64) {
  for (const auto& c : kCases) {
    if (c.frame_tokens != 1) continue;
    for (const auto& [dtype, tolerance] :
         {std::pair{at::kFloat, 2e-6}, std::pair{at::kBFloat16, 1e-2}}) {
      const auto x = tokens_of(c).to(dtype);
      const auto step = [](const at::Tensor& tokens, const KvCache& ring,
                           const DecodeOptions& options) {
        return cpu::decode_attention(tokens, ring, options, *GetParam());
      };
      EXPECT_LT(relative_error(dream(c, x, step), all_at_once(c, x.to(at::kDouble))), tolerance)
          << name_of(c) << " " << dtype;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisMachine, DecodeLoops, ::testing::ValuesIn(cpu::all_loops()),
                         [](const auto& loops) { return std::string(loops.param->name); });

TEST(DecodeAttention, RefusesWhatDoesNotFit) {
  const auto x = at::zeros({1, 2, 3, 3, 2, 8});
  const auto ring = make_kv_cache(x, 4);
  const auto refuses = [&](auto change) {
    DecodeOptions options;
    options.seen = 2;
    auto tokens = x;
    auto to = ring;
    change(tokens, to, options);
    EXPECT_THROW(decode_attention(tokens, to, options), c10::Error);
  };
  refuses([](auto&, auto&, auto& options) { options.seen = 1; });
  refuses([](auto&, auto&, auto& options) { options.seen = 5; });
  refuses([](auto&, auto&, auto& options) { options.slot = 4; });
  refuses([](auto&, auto&, auto& options) { options.scale = 0; });
  refuses([](auto&, auto&, auto& options) { options.rotation = rotation_in_time(1, 8); });
  refuses([](auto& tokens, auto&, auto&) { tokens = tokens.to(at::kBFloat16); });
  refuses([](auto& tokens, auto&, auto&) { tokens = tokens.slice(2, 1); });
  refuses([](auto&, auto& to, auto&) { to.value = to.value.slice(1, 1); });
  refuses([](auto& tokens, auto&, auto&) { tokens.requires_grad_(true); });
}

}  // namespace
}  // namespace nextframe
