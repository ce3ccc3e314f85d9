// The fused operations on CUDA tensors, through their public functions, against the CPU's.

#include "kernels/adamw.h"
#include "kernels/draws.h"
#include "kernels/linear.h"
#include "kernels/losses.h"
#include "kernels/norm.h"
#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

class OperationsOnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "needs a GPU";
  }
};

/// Result and gradients of f on a device, back on the CPU.
Tensors all_of(const Function& f, const Tensors& inputs, c10::Device device) {
  Tensors leaves, results;
  for (const auto& input : inputs) {
    leaves.push_back(input.to(device).detach().clone().set_requires_grad(true));
  }
  const auto result = f(leaves);
  const auto weights = random(result.sizes(), 99).to(result.scalar_type()).to(device);
  (result * weights).sum().backward();
  results.push_back(result.detach().cpu());
  for (const auto& leaf : leaves) results.push_back(leaf.grad().cpu());
  return results;
}

void expect_as_on_cpu(const Function& f, const Tensors& inputs, double tolerance) {
  const auto got = all_of(f, inputs, at::kCUDA), expected = all_of(f, inputs, at::kCPU);
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_LT(relative_error(got[i], expected[i].to(at::kDouble)), tolerance)
        << i << " of " << inputs[0].sizes() << " " << inputs.back().scalar_type();
  }
}

struct Format {
  at::ScalarType dtype;
  double tolerance;
};
const Format kFormats[] = {{at::kFloat, 2e-6}, {at::kBFloat16, 4e-3}};

TEST_F(OperationsOnCuda, NormIsTheCpus) {
  const auto both = [](const Tensors& in) {
    const auto out = add_rms_norm(in[0], in[1]);
    return at::cat({out.sum, out.norm.to(at::kFloat)}, -1);
  };
  for (const auto& [dtype, tolerance] : kFormats) {
    const bool bf16 = dtype == at::kBFloat16;
    for (const int64_t width : {1, 44, 256, 301, 1024, 1030, 8200}) {
      const auto x = random({3, 701, width}, 1).to(at::kFloat);
      expect_as_on_cpu(both, {x, random({3, 701, width}, 2).to(dtype)}, tolerance);
      expect_as_on_cpu([&](const Tensors& in) { return rms_norm(in[0], bf16); }, {x}, tolerance);
    }
    expect_as_on_cpu([](const Tensors& in) { return add_update(in[0], in[1]); },
                     {random({70, 301}, 1).to(at::kFloat), random({70, 301}, 2).to(dtype)}, 4e-3);
  }
}

TEST_F(OperationsOnCuda, GateAndCrossEntropyAreTheCpus) {
  for (const auto& [dtype, tolerance] : kFormats) {
    for (const int64_t width : {3, 64, 1024, 1031}) {
      const auto x = random({5, 300, 2 * width}, 1).to(dtype);
      expect_as_on_cpu([](const Tensors& in) { return swiglu(in[0]); }, {x}, tolerance);
      const auto targets = at::randint(2 * width, {5, 300}, at::kLong);
      const auto loss = [&](const Tensors& in) {
        return token_cross_entropy(in[0], targets.to(in[0].device()));
      };
      expect_as_on_cpu(loss, {x}, tolerance);
    }
  }
}

TEST_F(OperationsOnCuda, SumsOfSquaresAreTheCpus) {
  const auto error = [](const Tensors& in) { return frame_squared_error(in[0], in[1]); };
  for (const int64_t size : {1, 301, 70000}) {
    expect_as_on_cpu(
        error, {random({3, 5, size}, 1).to(at::kFloat), random({3, 5, size}, 2).to(at::kFloat)},
        2e-6);
    const auto x = random({20 * size + 3}, 1).to(at::kFloat);
    const double expected = squared_norm(x), got = squared_norm(x.to(at::kCUDA));
    EXPECT_NEAR(got / expected, 1, 1e-12);
    EXPECT_EQ(got, squared_norm(x.to(at::kCUDA)));
  }
}

TEST_F(OperationsOnCuda, PatchesHaveTheCpusBits) {
  const auto bytes = at::randint(0, 256, {2, 3, 24, 16, 3}, at::kByte);
  const auto frames = pixels_from_bytes(bytes), first = frames.slice(1, 1, 2);
  EXPECT_TRUE(at::equal(pixels_from_bytes(bytes.to(at::kCUDA)).cpu(), frames));
  for (const PatchGrid grid : {PatchGrid{8, 0}, PatchGrid{8, 2}, PatchGrid{4, 4}}) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const auto cut = [&](const at::Tensor& x) { return patchify(x, grid, dtype); };
      EXPECT_TRUE(at::equal(cut(bytes.to(at::kCUDA)).cpu(), cut(bytes)));
      EXPECT_TRUE(at::equal(cut(frames.to(at::kCUDA)).cpu(), cut(frames)));
      EXPECT_TRUE(at::equal(patchify_with_changes(frames.to(at::kCUDA), {}, grid, dtype).cpu(),
                            patchify_with_changes(frames, {}, grid, dtype)));
      EXPECT_TRUE(at::equal(
          patchify_with_changes(frames.to(at::kCUDA), first.to(at::kCUDA), grid, dtype).cpu(),
          patchify_with_changes(frames, first, grid, dtype)));
      const auto patches = cut(frames);
      EXPECT_TRUE(at::equal(unpatchify(patches.to(at::kCUDA), grid, 24, 16).cpu(),
                            unpatchify(patches, grid, 24, 16)));
    }
  }
}

TEST_F(OperationsOnCuda, AStepHasTheCpusBits) {
  const AdamWConstants constants{0.9, 0.99, 1e-8, 0.1};
  const auto numbers = adamw_numbers(constants, {1e-3, 0.5, 0.99, 3});
  for (const bool averaged : {false, true}) {
    const auto run = [&](c10::Device device) {
      const auto buffer = [&](uint64_t seed) {
        return random({1 << 20 | 5}, seed).to(at::kFloat).to(device);
      };
      const auto value = buffer(1), m = buffer(3), v = buffer(4).abs();
      const auto average = averaged ? buffer(5) : at::Tensor();
      adamw(value, buffer(2), m, v, average, constants, numbers.to(device));
      return at::cat({value, m, v, averaged ? average : value}).cpu();
    };
    EXPECT_TRUE(at::equal(run(at::kCUDA), run(at::kCPU)));
  }
}

TEST_F(OperationsOnCuda, DrawsHaveTheCpusBits) {
  const auto ids = at::tensor({7, -1, 9, 1 << 30}, at::kLong);
  for (const auto draw : {draw_uniform, draw_normal}) {
    for (const int64_t size : {1, 1024, 300003}) {
      EXPECT_TRUE(at::equal(
          draw(as_tensor({11, 5}, at::kCUDA), DrawStream::noise, ids.to(at::kCUDA), {size}).cpu(),
          draw(as_tensor({11, 5}), DrawStream::noise, ids, {size})));
    }
  }
}

TEST_F(OperationsOnCuda, OfEverythingElseIsTheDefinition) {
  const auto x = random({3, 64}, 1);
  EXPECT_LT(relative_error(rms_norm(x.to(at::kCUDA), false).cpu(), rms_norm(x, false)), 1e-12);
  EXPECT_LT(relative_error(swiglu(x.to(at::kCUDA)).cpu(), swiglu(x)), 1e-12);
  EXPECT_EQ(rms_norm(at::empty({0, 64}, at::kCUDA), false).numel(), 0);
}

}  // namespace
}  // namespace nextframe
