// Flash attention's calls answered by a stand-in for cuDNN, which is given what cuDNN is: four
// dimensions with strides, and statistics.
#include "kernels/cuda/cudnn_answer.h"

#include "tests/kernels/flash_attention_run.h"

namespace nextframe {
namespace {

using namespace testing_attention;

/// An operand as cuDNN sees it, [batch, heads, positions, head_dim].
at::Tensor operand_at(const CudnnCall& call, const CudnnProblem& problem, int operand) {
  const auto& strides = problem.strides[operand];
  return at::from_blob(operands_of(call)[operand].data,
                       {problem.batch, problem.heads, problem.positions(operand), problem.head_dim},
                       {strides.batch, strides.head, strides.position, 1},
                       at::dtype(problem.format == HalfFormat::fp16 ? at::kHalf : at::kBFloat16));
}

/// Attention by its formulas, forward and backward, in float64.
std::string stand_in(const CudnnCall& call) {
  const auto problem = cudnn_problem(call);
  const auto exact = [&](int operand) {
    return operand_at(call, problem, operand).to(at::kDouble);
  };
  const auto write = [&](int operand, const at::Tensor& x) {
    operand_at(call, problem, operand).copy_(x);
  };
  auto stats =
      at::from_blob(call.stats, {problem.batch, problem.heads, problem.queries, 1}, at::kFloat);
  const auto q = exact(kQuery), k = exact(kKey), v = exact(kValue);
  auto scores = at::matmul(q, k.transpose(-1, -2)) * problem.scale;
  if (problem.is_causal) {
    const auto hidden = at::ones({problem.queries, problem.keys}, at::kBool).triu(1);
    scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  }
  if (!call.is_backward) {
    stats.copy_(scores.logsumexp(-1, true));
    write(kResult, at::matmul(scores.softmax(-1), v));
    return {};
  }
  const auto shares = (scores - stats.to(at::kDouble)).exp(), grad = exact(kGrad);
  const auto sums = (grad * exact(kResult)).sum(-1, true);
  const auto grad_scores = shares * (at::matmul(grad, v.transpose(-1, -2)) - sums) * problem.scale;
  write(kGradQuery, at::matmul(grad_scores, k));
  write(kGradKey, at::matmul(grad_scores.transpose(-1, -2), q));
  write(kGradValue, at::matmul(shares.transpose(-1, -2), grad));
  return {};
}

/// Which halves of a call the stand-in is offered, and how many calls it has answered.
struct Offer {
  bool forward = true, backward = true;
  CudnnAnswer answer = stand_in;
  int answered = 0;
  std::vector<std::string> refusals;

  auto elsewhere() {
    return [this](const FlashAttentionCall& flash, const FlashResult& made, bool is_backward) {
      if (!(is_backward ? backward : forward)) return false;
      const auto refusal = answer_by_cudnn(answer, flash, made, is_backward);
      if (!refusal.empty()) refusals.push_back(refusal);
      answered += refusal.empty();
      return refusal.empty();
    };
  }
};

/// Projections [O, L, I, 3, K, F].
Inputs packed(const Case& c, int64_t outer, int64_t inner, int64_t heads) {
  Inputs in(c);
  const auto all = random({outer, c.keys, inner, 3, heads, c.head_dim}, 1).to(c.dtype);
  in.tensors = {all.select(3, 0), all.select(3, 1), all.select(3, 2)};
  in.grad = random({outer, c.keys, inner, heads, c.head_dim}, 3).to(c.dtype);
  return in;
}

void expect_agrees(const Inputs& in, const Case& c, Offer& offer) {
  const auto options = options_of(c);
  const auto got = run(in, options, emulator::run_flash_attention, offer.elsewhere());
  for (const double error : errors_of(got, in, options)) {
    EXPECT_LT(error, c.dtype == at::kBFloat16 ? 8e-3 : 1e-3) << name_of(c);
  }
}

TEST(CudnnAnswer, IsTheDefinitionInEveryLayout) {
  for (const auto& mask : {AttentionMask{}, frames(1)}) {
    for (const bool placed : {false, true}) {
      const Case c{70, 70, 32, mask, placed};
      for (const auto& [outer, inner, heads] :
           std::vector<std::array<int64_t, 3>>{{2, 1, 3}, {1, 3, 2}, {2, 3, 1}}) {
        Offer offer;
        expect_agrees(packed(c, outer, inner, heads), c, offer);
        EXPECT_EQ(offer.answered, 2);
      }
    }
  }
}

TEST(CudnnAnswer, GoesWithEachOtherFamilysHalf) {
  for (const auto dtype : {at::kBFloat16, at::kHalf}) {
    const Case c{70, 70, 64, frames(1), true, dtype};
    for (const bool is_forward : {false, true}) {
      Offer offer;
      offer.forward = is_forward, offer.backward = !is_forward;
      expect_agrees(packed(c, 2, 1, 2), c, offer);
      EXPECT_EQ(offer.answered, 1);
    }
  }
}

TEST(CudnnAnswer, OfFewerQueriesThanKeysIsTheDefinition) {
  const Case c{67, 201, 32, frames(67)};  // the newest of three frames sees everything
  Offer offer;
  expect_agrees(Inputs(c), c, offer);
  EXPECT_EQ(offer.answered, 2);
}

TEST(CudnnAnswer, KeepsInfiniteSumsWhereNoQueryIs) {
  const Case c{70, 70, 32, frames(1)};
  const Inputs in(c);
  const auto log_sums_of = [&](const decltype(FlashKernels::elsewhere)& elsewhere) {
    Emulated machine(in.grad);
    machine.kernels.elsewhere = elsewhere;
    return FlashPlan(machine.kernels, in.tensors, options_of(c)).forward().log_sums;
  };
  Offer offer;
  const auto theirs = log_sums_of(offer.elsewhere()), ours = log_sums_of({});
  EXPECT_TRUE(at::allclose(theirs, ours, 1e-3, 1e-3));
  EXPECT_TRUE(theirs.slice(1, 70).isinf().all().item<bool>());
}

TEST(CudnnAnswer, OfWhatItRefusesIsOurs) {
  const Case windowed{70, 70, 32, frames(1, 9)};
  Offer offer;
  expect_agrees(packed(windowed, 2, 1, 2), windowed, offer);
  const Case causal{70, 70, 32, frames(1)};
  expect_agrees(packed(causal, 2, 2, 2), causal, offer);
  EXPECT_EQ(offer.answered, 0);
  EXPECT_EQ(offer.refusals,
            (std::vector<std::string>{"the mask is neither plain causal nor full",
                                      "the mask is neither plain causal nor full",
                                      "inner groups lie neither as heads nor as sequences",
                                      "inner groups lie neither as heads nor as sequences"}));
  offer.answer = [](const CudnnCall&) { return "there is no engine"; };
  expect_agrees(packed(causal, 2, 1, 2), causal, offer);
  EXPECT_EQ(offer.answered, 0);
  EXPECT_EQ(offer.refusals.back(), "there is no engine");
}

}  // namespace
}  // namespace nextframe
