// Flash attention's kernels of sm_90a, run on the CPU (tests/kernels/emulator), against the
// definition.
#include "kernels/cuda/hopper_attention_call.h"
#include "tests/kernels/emulator/hopper_attention_emulated.h"
#include "tests/kernels/flash_attention_run.h"

namespace nextframe {
namespace {

using namespace testing_attention;
using emulator::run_hopper_attention;
using emulator::run_wrong_hopper_attention;
using emulator::WrongHopper;

void expect_is_definition(const Case& c) { expect_agrees(c, run_hopper_attention); }

TEST(HopperAttention, OfBothWidthsAndFormatsIsTheDefinition) {
  for (const int64_t head_dim : {64, 128}) {
    expect_is_definition({150, 150, head_dim, frames(1), true});
    expect_is_definition({133, 133, head_dim, frames(64), false, at::kHalf});
  }
}

TEST(HopperAttention, OfEveryMaskIsTheDefinition) {
  const std::vector<AttentionMask> masks = {
      {},           frames(1),        frames(128),         frames(48, 2),
      frames(1, 9), frames(33, 1, 1), frames(1, 0, 0, 50), frames(5, 4, 2, 20)};
  for (const auto& mask : masks) expect_is_definition({200, 200, 64, mask});
}

TEST(HopperAttention, OverManyTilesIsTheDefinition) {
  expect_is_definition({520, 520, 64, frames(40, 0, 0)});  // both places are filled again and again
  expect_is_definition({130, 520, 128, frames(1, 300, 20)});
}

TEST(HopperAttention, OfLaterQueriesAloneIsTheDefinition) {
  expect_is_definition({1, 200, 64, frames(1), true});
  expect_is_definition({16, 208, 128, frames(16, 3, 1), true});
  expect_is_definition({140, 70, 64, {}, true});  // more queries than keys
}

TEST(HopperAttention, AMaskOffByOneIsNotTheDefinition) {
  const Case c{140, 140, 64, frames(1, 3)};
  const Inputs in(c);
  auto options = options_of(c);
  options.mask.window_frames = 4;
  const auto got = run(in, options, run_hopper_attention);
  for (const double error : errors_of(got, in, options_of(c))) EXPECT_GT(error, 0.05);
}

TEST(HopperAttention, BitsOfASequenceDependOnItAlone) {
  const Case c{130, 130, 64, frames(1), true};
  const Inputs in(c, 2);
  auto one = in;
  for (auto* x : {&one.tensors.query, &one.tensors.key, &one.tensors.value, &one.grad}) {
    *x = x->slice(2, 1, 2).contiguous();
  }
  const auto options = options_of(c);
  const auto all = run(in, options, run_hopper_attention);
  const auto alone = run(one, options, run_hopper_attention);
  EXPECT_TRUE(at::equal(all.result.slice(2, 1, 2), alone.result));
  EXPECT_TRUE(at::equal(all.grads.query.slice(2, 1, 2), alone.grads.query));
  EXPECT_TRUE(at::equal(all.grads.key.slice(2, 1, 2), alone.grads.key));
  EXPECT_TRUE(at::equal(all.grads.value.slice(2, 1, 2), alone.grads.value));
}

TEST(HopperAttention, KeepsWhatTheBackwardOfOtherGpusWants) {
  const Case c{200, 200, 64, frames(16, 3)};
  const Inputs in(c);
  const auto options = options_of(c);
  const auto log_sums_of = [&](FlashRunner runner) {
    Emulated machine(in.grad, runner);
    return FlashPlan(machine.kernels, in.tensors, options).forward().log_sums;
  };
  const auto ours = log_sums_of(run_hopper_attention),
             theirs = log_sums_of(emulator::run_flash_attention);
  EXPECT_TRUE(at::allclose(ours, theirs, 1e-5, 1e-5));
}

TEST(HopperAttention, OfLargeScoresIsAsGoodAsOnOtherGpus) {
  const Case c{140, 140, 64, frames(1)};
  Inputs in(c);
  in.tensors.query = in.tensors.query * 1000;
  const auto options = options_of(c);
  const auto ours = errors_of(run(in, options, run_hopper_attention), in, options);
  const auto theirs = errors_of(run(in, options), in, options);
  EXPECT_LT(ours[0], 0.02);
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_LT(ours[i], 1.1 * theirs[i] + 1e-3) << i;
}

TEST(HopperAttention, WithAWrongKernelIsFoundOut) {
  const Case c{300, 300, 64, frames(1)};
  const Inputs in(c);
  for (const auto wrong : {WrongHopper::parity, WrongHopper::terms_in_one_place,
                           WrongHopper::values_in_one_place, WrongHopper::barriers_in_one_place}) {
    emulator::wrong_hopper = wrong;
    const auto got = run(in, options_of(c), run_wrong_hopper_attention);
    const auto has_faults = [](const Report& report) { return !report.faults.empty(); };
    EXPECT_TRUE(std::any_of(got.reports.begin(), got.reports.end(), has_faults))
        << static_cast<int>(wrong);
  }
}

TEST(HopperAttention, SaysWhichCallsItCannotAnswer) {
  const auto x = at::zeros({2, 70, 3, 2, 64}, at::kBFloat16);
  FlashAttentionCall call{};
  call.units = 12, call.inner = 3, call.heads = 2, call.queries = 70, call.mask.keys = 70;
  call.query = call.key = call.value = call.result = attention_operand(x);
  EXPECT_EQ(hopper_refusal(call, 64, true), nullptr);
  EXPECT_STREQ(hopper_refusal(call, 32, false), "heads are not of 64 or 128 values");
  call.result = attention_operand(x.select(1, 0).unsqueeze(1).expand({2, 70, 3, 2, 64}));
  EXPECT_EQ(hopper_refusal(call, 64, false), nullptr);
  EXPECT_STREQ(hopper_refusal(call, 64, true), "rows are repeated, a stride is 0");
  call.value.data = static_cast<char*>(call.value.data) + 8;
  EXPECT_STREQ(hopper_refusal(call, 64, false), "its address is no multiple of 16");
}

}  // namespace
}  // namespace nextframe
