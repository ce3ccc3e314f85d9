// Flash attention's CUDA kernels, run on the CPU (tests/kernels/emulator), against the definition.
#include <torch/library.h>

#include "kernels/torch.h"
#include "tests/kernels/flash_attention_run.h"

namespace nextframe {
namespace {

using namespace testing_attention;

TEST(FlashAttention, OfEveryWidthIsTheDefinition) {
  for (const int64_t head_dim : {32, 64, 128}) {
    expect_agrees({70, 70, head_dim, frames(1), head_dim == 64});
    expect_agrees({133, 133, head_dim, frames(64), head_dim != 64, at::kHalf});
  }
}

TEST(FlashAttention, OfEveryMaskIsTheDefinition) {
  const std::vector<AttentionMask> masks = {
      {},           frames(1),        frames(64),          frames(48, 2),
      frames(1, 9), frames(33, 1, 1), frames(1, 0, 0, 50), frames(5, 4, 2, 20)};
  for (const auto& mask : masks) expect_agrees({150, 150, 32, mask});
}

TEST(FlashAttention, OfLaterQueriesAloneIsTheDefinition) {
  expect_agrees({1, 200, 32, frames(1), true});
  expect_agrees({16, 208, 64, frames(16, 3, 1), true});
  expect_agrees({140, 70, 32, {}, true});  // more queries than keys
}

TEST(FlashAttention, AMaskOffByOneIsNotTheDefinition) {
  const Case c{140, 140, 32, frames(1, 3)};
  const Inputs in(c);
  auto options = options_of(c);
  options.mask.window_frames = 4;
  for (const double error : errors_of(run(in, options), in, options_of(c))) EXPECT_GT(error, 0.05);
}

TEST(FlashAttention, BitsOfASequenceDependOnItAlone) {
  const Case c{130, 130, 32, frames(1), true};
  const Inputs in(c, 3);
  auto one = in;
  for (auto* x : {&one.tensors.query, &one.tensors.key, &one.tensors.value, &one.grad}) {
    *x = x->slice(2, 1, 2).contiguous();
  }
  const auto all = run(in, options_of(c)), alone = run(one, options_of(c));
  EXPECT_TRUE(at::equal(all.result.slice(2, 1, 2), alone.result));
  EXPECT_TRUE(at::equal(all.grads.query.slice(2, 1, 2), alone.grads.query));
  EXPECT_TRUE(at::equal(all.grads.key.slice(2, 1, 2), alone.grads.key));
  EXPECT_TRUE(at::equal(all.grads.value.slice(2, 1, 2), alone.grads.value));
}

TEST(FlashAttention, ANotANumberIsSeenByThoseWhoLookAtIt) {
  const Case c{140, 140, 32, frames(1)};
  Inputs in(c);
  in.tensors.key.select(1, 135).fill_(std::numeric_limits<double>::quiet_NaN());
  const auto got = run(in, options_of(c));
  for (int64_t query = 0; query < 140; ++query) {
    EXPECT_EQ(got.result.select(1, query).isnan().any().item<bool>(), query >= 135) << query;
  }
}

TEST(FlashAttention, LargeScoresDoNotOverflow) {
  const Case c{140, 140, 32, frames(1)};
  Inputs in(c);
  in.tensors.query = in.tensors.query * 1000;
  auto options = options_of(c);
  for (const double error : errors_of(run(in, options), in, options)) EXPECT_LT(error, 0.02);
}

TEST(FlashAttention, IsForHalfFormatsOfThreeWidths) {
  const auto fits = [](at::IntArrayRef sizes, at::ScalarType dtype) {
    const auto x = at::empty(sizes, at::TensorOptions(dtype).device(at::kMeta));
    return is_flash_attention(x, x, AttentionOptions());
  };
  EXPECT_TRUE(fits({1, 65, 1, 2, 32}, at::kBFloat16));
  EXPECT_TRUE(fits({2, 100000, 1, 8, 128}, at::kHalf));
  EXPECT_FALSE(fits({1, 65, 1, 2, 96}, at::kBFloat16));
  EXPECT_FALSE(fits({1, 65, 1, 2, 64}, at::kFloat));
  EXPECT_FALSE(fits({0, 65, 1, 2, 64}, at::kBFloat16));
  EXPECT_FALSE(fits({1000, 100000, 100, 8, 64}, at::kBFloat16));
}

// ---- The operators, with kernels that keep what their backward wants

/// Flash attention for nextframe's operators on the CPU, while it lives.
class EmulatedOperators {
 public:
  EmulatedOperators()
      : library_(torch::Library::IMPL, "nextframe", c10::DispatchKey::CPU, __FILE__, __LINE__) {
    library_.impl("attention_kept", kept);
    library_.impl("self_attention_backward_kept", self_backward);
    library_.impl("attention_backward_kept", backward);
  }

 private:
  static std::tuple<at::Tensor, at::Tensor> kept(const at::Tensor& query, const at::Tensor& key,
                                                 const at::Tensor& value,
                                                 const OptionalTensor& cosine,
                                                 const OptionalTensor& sine,
                                                 at::IntArrayRef numbers, double scale) {
    Emulated machine(query);
    const auto options = attention_options(numbers, scale, cosine, sine, key.size(1));
    const auto made = FlashPlan(machine.kernels, {query, key, value}, options).forward();
    return {made.result, made.log_sums};
  }
  static at::Tensor self_backward(const at::Tensor& grad, const at::Tensor& result,
                                  const at::Tensor& log_sums, const at::Tensor& packed,
                                  const OptionalTensor& cosine, const OptionalTensor& sine,
                                  at::IntArrayRef numbers, double scale) {
    const auto parts = [](const at::Tensor& x) {
      return AttentionTensors{x.select(3, 0), x.select(3, 1), x.select(3, 2)};
    };
    Emulated machine(grad);
    const auto options = attention_options(numbers, scale, cosine, sine, packed.size(1));
    const auto grads = at::empty_like(packed);
    FlashPlan(machine.kernels, parts(packed), options)
        .backward(grad, {result, log_sums}, parts(grads));
    return grads;
  }
  static ThreeTensors backward(const at::Tensor& grad, const at::Tensor& result,
                               const at::Tensor& log_sums, const at::Tensor& query,
                               const at::Tensor& key, const at::Tensor& value,
                               const OptionalTensor& cosine, const OptionalTensor& sine,
                               at::IntArrayRef numbers, double scale) {
    const auto packed = at::stack({query, key, value}, 3);
    const auto grads = self_backward(grad, result, log_sums, packed, cosine, sine, numbers, scale);
    return {grads.select(3, 0), grads.select(3, 1), grads.select(3, 2)};
  }

  torch::Library library_;
};

TEST(FlashAttention, BackwardIsGivenWhatForwardKept) {
  const EmulatedOperators operators;
  const Case c{80, 80, 32, frames(16), true};
  const auto options = options_of(c);
  const auto exact = random({2, 80, 1, 3, 1, 32}, 1), grad = random({2, 80, 1, 1, 32}, 2);
  auto leaf = exact.clone().requires_grad_(true);
  attention_definition(leaf.select(3, 0), leaf.select(3, 1), leaf.select(3, 2), options)
      .backward(grad);
  for (const bool packed : {true, false}) {
    const auto x = exact.to(at::kBFloat16).requires_grad_(true);
    const auto result = packed ? self_attention(x, options)
                               : attention(x.select(3, 0), x.select(3, 1), x.select(3, 2), options);
    result.backward(grad.to(at::kBFloat16), /*retain_graph=*/true);
    const auto first = x.grad().clone();
    EXPECT_LT(relative_error(first, leaf.grad()), 1e-2);
    x.mutable_grad().zero_();
    result.backward(grad.to(at::kBFloat16));  // twice from one forward
    EXPECT_TRUE(at::equal(x.grad(), first));
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(at::equal(self_attention(x, options), result));
  }
}

}  // namespace
}  // namespace nextframe
