#include "kernels/cuda/cudnn_call.h"

#include <gtest/gtest.h>

#include "kernels/cuda/attention_tensors.h"
#include "tests/kernels/attention_masks.h"

namespace nextframe {
namespace {

using testing_attention::frames;

/// A call of [O, L, I, K, F] tensors that lie as projections do, packed; results by themselves.
struct Packed {
  std::array<at::Tensor, kCudnnOperands> tensors;
  CudnnCall call{};

  Packed(int64_t outer, int64_t length, int64_t inner, int64_t heads, int64_t head_dim) {
    for (const int first : {kQuery, kGradQuery}) {
      const auto packed = at::empty({outer, length, inner, 3, heads, head_dim}, at::kBFloat16);
      const int parts[] = {kQuery, kKey, kValue};
      for (const int part : parts)
        of(first == kQuery ? part : part + kGradQuery) = packed.select(3, part);
    }
    for (const int i : {kResult, kGrad}) {
      of(i) = at::empty({outer, length, inner, heads, head_dim}, at::kBFloat16);
    }
    auto& flash = call.flash;
    flash.units = static_cast<uint32_t>(outer * inner * heads);
    flash.inner = static_cast<uint32_t>(inner), flash.heads = static_cast<uint32_t>(heads);
    flash.queries = static_cast<int32_t>(length), flash.scale = 0.5f;
    flash.mask = frames(1), flash.mask.keys = length;
    call.head_dim = head_dim, call.is_backward = true;
    take();
  }
  at::Tensor& of(int operand) { return tensors[operand]; }
  /// The call's addresses and strides, from the tensors.
  void take() {
    AttentionOperand* const to[] = {
        &call.flash.query,  &call.flash.key,        &call.flash.value,    &call.result,
        &call.flash.result, &call.flash.grad_query, &call.flash.grad_key, &call.flash.grad_value};
    for (size_t i = 0; i < kCudnnOperands; ++i) *to[i] = attention_operand(tensors[i]);
  }
};

/// Every row of every operand is where cuDNN's four dimensions say, under its unit's number.
void expect_layout(Packed& packed) {
  const auto& call = packed.call;
  ASSERT_EQ(cudnn_refusal(call), nullptr) << cudnn_refusal(call);
  const auto problem = cudnn_problem(call);
  EXPECT_EQ(problem.batch * problem.heads, call.flash.units);
  for (int operand = 0; operand < kCudnnOperands; ++operand) {
    const auto& x = packed.of(operand);
    const auto& strides = problem.strides[operand];
    EXPECT_EQ(problem.positions(operand), x.size(1));
    EXPECT_EQ(problem.head_dim, x.size(4));
    for (int64_t o = 0; o < x.size(0); ++o) {
      for (int64_t l = 0; l < x.size(1); ++l) {
        for (int64_t i = 0; i < x.size(2); ++i) {
          for (int64_t k = 0; k < x.size(3); ++k) {
            const int64_t unit = (o * x.size(2) + i) * x.size(3) + k;
            const int64_t at = unit / problem.heads * strides.batch +
                               unit % problem.heads * strides.head + l * strides.position;
            const auto row = x[o][l][i][k];
            ASSERT_EQ(static_cast<char*>(operands_of(call)[operand].data) + 2 * at,
                      static_cast<char*>(row.data_ptr()))
                << operand << ": " << o << " " << l << " " << i << " " << k;
          }
        }
      }
    }
  }
}

TEST(CudnnCall, FindsEveryRow) {
  for (const auto& [outer, inner, heads] : std::vector<std::array<int64_t, 3>>{
           {3, 1, 4}, {3, 1, 1}, {1, 1, 4}, {1, 1, 1}, {1, 5, 4}, {3, 5, 1}, {1, 5, 1}}) {
    Packed packed(outer, 70, inner, heads, 32);
    expect_layout(packed);
  }
}

TEST(CudnnCall, TakesInnerGroupsAsHeadsWhereTheyLieSo) {
  Packed packed(2, 70, 3, 4, 32);
  EXPECT_STREQ(cudnn_refusal(packed.call), "inner groups lie neither as heads nor as sequences");
  for (auto& x : packed.tensors) x = x.contiguous();
  packed.take();
  expect_layout(packed);
  EXPECT_EQ(cudnn_problem(packed.call).heads, 12);
  packed.of(kGradKey) = at::empty({2, 3, 70, 4, 32}, at::kBFloat16).transpose(1, 2);
  packed.take();
  EXPECT_STREQ(cudnn_refusal(packed.call), "inner groups lie neither as heads nor as sequences");
  for (auto& x : packed.tensors) x = at::empty({2, 3, 70, 4, 32}, at::kBFloat16).transpose(1, 2);
  packed.take();
  expect_layout(packed);
  EXPECT_EQ(cudnn_problem(packed.call).batch, 6);
}

TEST(CudnnCall, LooksAtLaterOperandsOfABackwardOnly) {
  Packed packed(2, 70, 1, 4, 32);
  packed.of(kGrad) = packed.of(kGrad).select(1, 0).unsqueeze(1).expand({2, 70, 1, 4, 32});
  packed.take();
  EXPECT_STREQ(cudnn_refusal(packed.call), "rows are repeated, a stride is 0");
  packed.call.is_backward = false;
  EXPECT_EQ(cudnn_refusal(packed.call), nullptr);
  EXPECT_EQ(cudnn_problem(packed.call).strides[kGrad], CudnnStrides{});
}

TEST(CudnnCall, OfOneRowAloneHasOneProblem) {
  const auto problem_of = [](int64_t stride) {
    Packed packed(1, 70, 1, 4, 32);
    packed.of(kQuery) = packed.of(kQuery).as_strided({1, 70, 1, 4, 32}, {stride, 384, 7, 32, 1});
    packed.take();
    return cudnn_problem(packed.call);
  };
  EXPECT_EQ(problem_of(8), problem_of(4096)) << "a stride that is never used";
}

TEST(CudnnCall, SaysWhatItCannotTake) {
  const auto refusal = [](const auto& change) {
    Packed packed(2, 70, 1, 4, 32);
    change(packed.call);
    return std::string(cudnn_refusal(packed.call));
  };
  EXPECT_EQ(refusal([](CudnnCall& c) { c.head_dim = 256; }), "heads have more than 128 values");
  EXPECT_EQ(refusal([](CudnnCall& c) { c.head_dim = 60; }),
            "the number of a head's values is no multiple of 8");
  EXPECT_EQ(refusal([](CudnnCall& c) { c.flash.mask.frame_tokens = 7; }),
            "the mask is neither plain causal nor full");
  EXPECT_EQ(refusal([](CudnnCall& c) { c.flash.mask.window_frames = 7; }),
            "the mask is neither plain causal nor full");
  EXPECT_EQ(refusal([](CudnnCall& c) { c.result.data = static_cast<char*>(c.result.data) + 8; }),
            "an address is no multiple of 16");
  EXPECT_EQ(refusal([](CudnnCall& c) { c.flash.key.position = 100; }),
            "a stride is no multiple of 16 bytes");
}

TEST(CudnnCall, TakesNoMoreMemoryThanItMay) {
  Packed packed(1, 1, 1, 1, 64);
  auto& flash = packed.call.flash;
  const auto make_long = [&](int32_t length, uint32_t heads) {
    flash.queries = length, flash.mask.keys = length, flash.units = flash.heads = heads;
    for (auto* x : {&flash.query, &flash.key, &flash.value, &packed.call.result, &flash.result,
                    &flash.grad_query, &flash.grad_key, &flash.grad_value}) {
      x->position = heads * 64, x->head = 64;
    }
  };
  make_long(16384, 16);
  EXPECT_EQ(cudnn_refusal(packed.call), nullptr) << "8 GiB";
  make_long(16384, 17);
  EXPECT_STREQ(cudnn_refusal(packed.call), "backward in a fixed order would take more than 8 GiB");
  packed.call.is_backward = false;
  EXPECT_EQ(cudnn_refusal(packed.call), nullptr);
}

TEST(CudnnCall, KnowsFullFromCausal) {
  Packed packed(2, 70, 1, 4, 32);
  EXPECT_TRUE(cudnn_problem(packed.call).is_causal);
  packed.call.flash.mask.frame_tokens = 0;
  EXPECT_FALSE(cudnn_problem(packed.call).is_causal);
}

}  // namespace
}  // namespace nextframe
