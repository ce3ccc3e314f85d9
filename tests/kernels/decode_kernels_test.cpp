// The CUDA kernels of a dream's step, run on the CPU (tests/kernels/emulator), against attention of
// all frames at once.
#include "kernels/cuda/decode_attention_plan.h"
#include "tests/kernels/decode_case.h"
#include "tests/kernels/emulator/decode_attention_emulated.h"
#include "tests/kernels/emulator/flash_attention_emulated.h"

namespace nextframe {
namespace {

using namespace testing_decode;
using testing_gradient::relative_error;

/// Changes calls before kernels see them: a bug.
struct Bugs {
  std::function<void(DecodeStepCall&)> step = [](DecodeStepCall&) {};
  std::function<void(DecodeFrameCall&)> frame = [](DecodeFrameCall&) {};
};

std::vector<emulator::Memory> memory_of(const DecodeKernels::Tensors& touched) {
  std::vector<emulator::Memory> memory;
  for (const auto& x : touched) {
    memory.push_back({x.storage().data(), static_cast<int64_t>(x.storage().nbytes())});
  }
  return memory;
}

void expect_faultless(const emulator::Report& report) {
  EXPECT_EQ(report.faults, std::vector<std::string>());
  EXPECT_EQ(report.bank_conflicts, 0);
}

void poison(const at::Tensor& x) { x.fill_(std::numeric_limits<double>::quiet_NaN()); }

DecodeKernels emulated(const at::Tensor& tokens, const Bugs& bugs, uint32_t blocks) {
  const bool is_bf16 = tokens.scalar_type() == at::kBFloat16;
  const int64_t head_dim = tokens.size(5);
  DecodeKernels kernels;
  kernels.step = [=](DecodeStepCall call, const DecodeKernels::Tensors& touched) {
    poison(touched[5]);
    bugs.step(call);
    expect_faultless(run_decode_step(call, is_bf16, head_dim, blocks, memory_of(touched)));
  };
  kernels.frame = [=](DecodeFrameCall call, const DecodeKernels::Tensors& touched) {
    for (size_t i = 3; i < 6; ++i) poison(touched[i]);
    bugs.frame(call);
    expect_faultless(run_decode_frame(call, is_bf16, head_dim, memory_of(touched)));
  };
  kernels.join = [=](const DecodeFrameCall& call, const DecodeKernels::Tensors& touched) {
    expect_faultless(run_join_parts(call, is_bf16, head_dim, memory_of(touched)));
  };
  kernels.place = [=](const AttentionRowsCall& call, const DecodeKernels::Tensors& touched) {
    expect_faultless(
        run_attention_pass(AttentionPass::place, call, is_bf16, head_dim, memory_of(touched)));
  };
  return kernels;
}

at::Tensor by_kernels(const Case& c, const at::Tensor& x, const Bugs& bugs = {},
                      uint32_t blocks = 3) {
  const auto step = [&](const at::Tensor& tokens, const KvCache& ring,
                        const DecodeOptions& options) {
    EXPECT_TRUE(has_decode_kernels(tokens, ring, options));
    return DecodePlan(emulated(x, bugs, blocks), tokens, ring, options).run();
  };
  return dream(c, x, step);
}

double error_of(const Case& c, const at::Tensor& x, const Bugs& bugs = {}) {
  return relative_error(by_kernels(c, x, bugs), all_at_once(c, x.to(at::kDouble)));
}

void expect_agrees(const Case& c) {
  EXPECT_LT(error_of(c, tokens_of(c).to(at::kBFloat16)), 8e-3) << name_of(c);
  EXPECT_LT(error_of(c, tokens_of(c).to(at::kHalf)), 1.5e-3) << name_of(c);
}

Case in_time(int64_t frames, int64_t window, int64_t head_dim) {
  return {.outer = 1,
          .frames = frames,
          .frame_tokens = 1,
          .inner = 3,
          .heads = 2,
          .head_dim = head_dim,
          .window = window};
}
Case of_frames(int64_t frames, int64_t tokens, int64_t window, int64_t head_dim) {
  return {.outer = 1,
          .frames = frames,
          .frame_tokens = tokens,
          .inner = 1,
          .heads = 2,
          .head_dim = head_dim,
          .window = window};
}

TEST(DecodeStep, OfEveryWidthAndWindowIsAttentionOfAllFrames) {
  for (const int64_t head_dim : {32, 64, 128}) {
    expect_agrees(in_time(7, 3, head_dim));
    expect_agrees(in_time(19, 18, head_dim));  // more rows than a warp reads at once
    auto c = in_time(6, 4, head_dim);
    c.spare = 3, c.start = 5, c.by_head = false, c.placed = head_dim == 64;
    expect_agrees(c);
  }
  expect_agrees(in_time(3, 1, 32));
}

TEST(DecodeFrame, OfEveryWidthAndWindowIsAttentionOfAllFrames) {
  for (const int64_t head_dim : {32, 64, 128}) {
    expect_agrees(of_frames(3, 21, 2, head_dim));
    auto c = of_frames(3, 30, 2, head_dim);
    c.spare = 11, c.start = 60, c.by_head = false, c.placed = head_dim != 64;
    expect_agrees(c);
  }
  expect_agrees(of_frames(2, 133, 1, 32));  // more queries than a block has
}

TEST(DecodeFrame, InPartsIsAttentionOfAllFrames) {
  auto narrow = of_frames(3, 270, 2, 32), wide = of_frames(2, 290, 2, 128);  // of 540 and 580 keys
  narrow.start = 300;
  for (auto* c : {&narrow, &wide}) {
    c->heads = 1;
    EXPECT_LT(error_of(*c, tokens_of(*c).to(at::kBFloat16)), 8e-3) << name_of(*c);
  }
}

TEST(DecodeKernels, BitsDoNotDependOnTheRingOrOtherSequences) {
  for (auto c : {in_time(9, 5, 64), of_frames(3, 40, 2, 32), of_frames(2, 260, 2, 32)}) {
    c.heads = 1, c.outer = 2;
    const auto x = tokens_of(c).to(at::kBFloat16);
    const auto all = by_kernels(c, x, {}, 4);
    c.start = c.slots() - 1, c.spare = 2, c.by_head = false;
    EXPECT_TRUE(at::equal(by_kernels(c, x, {}, 2), all)) << name_of(c);
    c.outer = 1;
    const auto second = x.slice(0, 1).contiguous();
    EXPECT_TRUE(at::equal(by_kernels(c, second, {}, 1), all.slice(0, 1))) << name_of(c);
  }
}

TEST(DecodeKernels, AWrongSlotOrCountIsNotTheDefinition) {
  for (auto c : {in_time(9, 5, 32), of_frames(4, 12, 2, 32)}) {
    c.spare = 3;
    const auto x = tokens_of(c).to(at::kBFloat16);
    const std::vector<std::function<void(RingOperand&)>> bugs = {
        [](RingOperand& ring) { ring.oldest = 0; },
        [](RingOperand& ring) { ring.seen -= ring.seen > 1 ? 1 : 0; },
    };
    for (const auto& bug : bugs) {
      Bugs planted;
      planted.step = [&](DecodeStepCall& call) { bug(call.ring); };
      planted.frame = [&](DecodeFrameCall& call) { bug(call.ring); };
      const double error = error_of(c, x, planted);
      EXPECT_TRUE(error > 0.05 || std::isnan(error)) << name_of(c) << ": " << error;
    }
  }
}

TEST(DecodeKernels, AreForRowsThatLieWell) {
  const auto fits = [](at::IntArrayRef sizes, at::ScalarType dtype, int64_t shift) {
    const auto x = at::zeros(sizes, dtype);
    const auto wide = at::zeros({sizes[0], 4, sizes[2], sizes[4], sizes[5] + 8}, dtype);
    const auto rows = wide.narrow(4, shift, sizes[5]);
    return has_decode_kernels(x, {rows, rows}, {});
  };
  EXPECT_TRUE(fits({1, 1, 2, 3, 2, 64}, at::kBFloat16, 8));
  EXPECT_FALSE(fits({1, 1, 2, 3, 2, 64}, at::kBFloat16, 1));
  EXPECT_FALSE(fits({1, 1, 2, 3, 2, 64}, at::kFloat, 0));
  EXPECT_FALSE(fits({1, 1, 2, 3, 2, 48}, at::kBFloat16, 0));
}

}  // namespace
}  // namespace nextframe
