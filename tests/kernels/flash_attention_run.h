// Whole calls of flash attention by its plan, forward and backward, with kernels on the emulated
// GPU, for comparison with the definition.
#pragma once

#include "kernels/attention_operators.h"
#include "kernels/cuda/flash_attention_plan.h"
#include "kernels/torch.h"
#include "tests/kernels/attention_case.h"
#include "tests/kernels/attention_masks.h"
#include "tests/kernels/emulator/flash_attention_emulated.h"
#include "tests/kernels/gradient.h"

namespace nextframe::testing_attention {

using emulator::FlashKernel;
using emulator::Report;
using testing_gradient::random;
using testing_gradient::relative_error;
using testing_gradient::Tensors;

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

/// Runs one of a family's kernels.
using FlashRunner = Report (*)(FlashKernel kernel, const FlashAttentionCall& call, bool is_bf16,
                               int64_t head_dim, const std::vector<emulator::Memory>& memory);

/// Kernels on the emulated machine. What they may write is poisoned before.
struct Emulated {
  FlashKernels kernels;
  std::vector<Report> reports;

  explicit Emulated(const at::Tensor& rows, FlashRunner runner = emulator::run_flash_attention) {
    const bool is_bf16 = rows.scalar_type() == at::kBFloat16;
    const int64_t head_dim = rows.size(4);
    const auto attend = [=, this](FlashKernel kernel, const FlashAttentionCall& call,
                                  const FlashKernels::Tensors& touched) {
      reports.push_back(runner(kernel, call, is_bf16, head_dim, memory_of(touched)));
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
inline Results run(const Inputs& in, const AttentionOptions& options,
                   FlashRunner runner = emulator::run_flash_attention,
                   const decltype(FlashKernels::elsewhere)& elsewhere = {}) {
  Emulated machine(in.grad, runner);
  machine.kernels.elsewhere = elsewhere;
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
inline std::vector<double> errors_of(const Results& got, const Inputs& in,
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

inline void expect_agrees(const Case& c, FlashRunner runner = emulator::run_flash_attention) {
  const auto options = options_of(c);
  const Inputs in(c);
  const auto got = run(in, options, runner);
  for (const auto& report : got.reports) {
    EXPECT_EQ(report.faults, std::vector<std::string>()) << name_of(c);
    EXPECT_EQ(report.bank_conflicts, 0) << name_of(c);
  }
  for (const double error : errors_of(got, in, options)) {
    EXPECT_LT(error, c.dtype == at::kBFloat16 ? 8e-3 : 1e-3) << name_of(c);
  }
}

}  // namespace nextframe::testing_attention
