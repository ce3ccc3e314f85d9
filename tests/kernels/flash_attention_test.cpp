// Flash attention's CUDA kernels, run on the CPU (tests/kernels/emulator), against the definition.
#include <torch/library.h>
#include <torch/torch.h>

#include "kernels/attention_operators.h"
#include "kernels/cuda/flash_attention_plan.h"
#include "tests/kernels/attention_case.h"
#include "tests/kernels/emulator/flash_attention_emulated.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_attention;
using namespace testing_gradient;
using emulator::FlashKernel;
using emulator::Report;

AttentionMask frames(int64_t frame_tokens, int64_t window = 0, int64_t sink = 0, int64_t clip = 0) {
  AttentionMask mask;
  mask.frame_tokens = frame_tokens, mask.window_frames = window, mask.sink_frames = sink,
  mask.clip_frames = clip;
  return mask;
}

/// Queries, keys and values of [1, L, I, 1, F], in one packed tensor if they are of one length.
struct Inputs {
  AttentionTensors tensors;
  at::Tensor grad;

  explicit Inputs(const Case& c, int64_t inner = 1) {
    const auto packed = random({1, c.keys, inner, 3, 1, c.head_dim}, 1).to(c.dtype);
    tensors = {packed.select(3, 0), packed.select(3, 1), packed.select(3, 2)};
    if (c.queries != c.keys) {
      tensors.query = random({1, c.queries, inner, 1, c.head_dim}, 2).to(c.dtype);
    }
    grad = random({1, c.queries, inner, 1, c.head_dim}, 3).to(c.dtype);
  }
};

/// Kernels on the emulated machine. What they may write is poisoned before.
struct Emulated {
  FlashKernels kernels;
  std::vector<Report> reports;

  explicit Emulated(const at::Tensor& rows) {
    const bool is_bf16 = rows.scalar_type() == at::kBFloat16;
    const int64_t head_dim = rows.size(4);
    const auto attend = [=, this](FlashKernel kernel, const FlashAttentionCall& call,
                                  const FlashKernels::Tensors& touched) {
      reports.push_back(run_flash_attention(kernel, call, is_bf16, head_dim, memory_of(touched)));
    };
    kernels.forward = [=](const FlashAttentionCall& call, const FlashKernels::Tensors& touched) {
      poison(touched[3]), poison(touched[4]);
      attend(FlashKernel::forward, call, touched);
    };
    kernels.backward = [=](const FlashAttentionCall& call, const FlashKernels::Tensors& touched) {
      attend(FlashKernel::keys_backward, call, touched);
      attend(FlashKernel::queries_backward, call, touched);
    };
    kernels.pass = [=, this](AttentionPass pass, const AttentionRowsCall& call,
                             const FlashKernels::Tensors& touched) {
      if (pass == AttentionPass::place) poison(touched[1]);
      if (pass == AttentionPass::row_terms) poison(touched[3]);
      reports.push_back(run_attention_pass(pass, call, is_bf16, head_dim, memory_of(touched)));
    };
  }
  Emulated(const Emulated&) = delete;
  Emulated& operator=(const Emulated&) = delete;

  static void poison(const at::Tensor& x) { x.fill_(std::numeric_limits<double>::quiet_NaN()); }
  static std::vector<emulator::Memory> memory_of(const FlashKernels::Tensors& touched) {
    std::vector<emulator::Memory> memory;
    for (const auto& x : touched) {
      memory.push_back({x.storage().data(), static_cast<int64_t>(x.storage().nbytes())});
    }
    return memory;
  }
};

struct Results {
  at::Tensor result;
  AttentionTensors grads;
  std::vector<Report> reports;
};

/// Gradients lie in one packed tensor too.
Results run(const Inputs& in, const AttentionOptions& options) {
  Emulated machine(in.grad);
  const FlashPlan plan(machine.kernels, in.tensors, options);
  const auto made = plan.forward();
  const auto poisoned = [](at::IntArrayRef sizes, const at::Tensor& like) {
    return at::full(sizes, std::numeric_limits<double>::quiet_NaN(), like.options());
  };
  const auto& keys = in.tensors.key;
  const auto packed =
      poisoned({keys.size(0), keys.size(1), keys.size(2), 3, keys.size(3), keys.size(4)}, keys);
  Results out{made.result, {packed.select(3, 0), packed.select(3, 1), packed.select(3, 2)}, {}};
  if (in.grad.size(1) != keys.size(1)) out.grads.query = poisoned(in.grad.sizes(), keys);
  plan.backward(in.grad, made, out.grads);
  out.reports = machine.reports;
  return out;
}

/// The relative errors of result and gradients.
std::vector<double> errors_of(const Results& got, const Inputs& in,
                              const AttentionOptions& options) {
  Tensors leaf;
  for (const auto& x : {in.tensors.query, in.tensors.key, in.tensors.value}) {
    leaf.push_back(x.to(at::kDouble).requires_grad_(true));
  }
  const auto expected = attention_definition(leaf[0], leaf[1], leaf[2], options);
  expected.backward(in.grad.to(at::kDouble));
  return {relative_error(got.result, expected.detach()),
          relative_error(got.grads.query, leaf[0].grad()),
          relative_error(got.grads.key, leaf[1].grad()),
          relative_error(got.grads.value, leaf[2].grad())};
}

void expect_agrees(const Case& c) {
  const auto options = options_of(c);
  const Inputs in(c);
  const auto got = run(in, options);
  for (const auto& report : got.reports) {
    EXPECT_EQ(report.faults, std::vector<std::string>()) << name_of(c);
    EXPECT_EQ(report.bank_conflicts, 0) << name_of(c);
  }
  for (const double error : errors_of(got, in, options)) {
    EXPECT_LT(error, c.dtype == at::kBFloat16 ? 8e-3 : 1e-3) << name_of(c);
  }
}

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
