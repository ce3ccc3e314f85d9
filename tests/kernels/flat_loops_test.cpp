// The loops over flat buffers and frames, each of those that this machine can run, against their
// definitions.
#include <numbers>

#include "kernels/adamw.h"
#include "kernels/base/philox.h"
#include "kernels/fused/frames.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

class FlatLoops : public ::testing::TestWithParam<const cpu::Loops*> {};

TEST_P(FlatLoops, CutPatchesToTheSameBits) {
  const auto bytes = at::randint(0, 256, {2, 3, 8, 12, 3}, at::kByte);
  const auto frames = bytes.to(at::kFloat).div(127.5).sub(1.0);
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const PatchGrid grid : {PatchGrid{4, 0}, PatchGrid{4, 3}}) {
      const auto expected = fused::patchify(frames, grid, dtype, cpu::kPortableLoops);
      EXPECT_TRUE(at::equal(fused::patchify(frames, grid, dtype, *GetParam()), expected));
      EXPECT_TRUE(at::equal(fused::patchify(bytes, grid, dtype, *GetParam()), expected));
      EXPECT_TRUE(at::equal(fused::unpatchify(expected, grid, 8, 12, *GetParam()),
                            fused::unpatchify(expected, grid, 8, 12, cpu::kPortableLoops)));
    }
  }
}

TEST_P(FlatLoops, ShowWhatChanged) {
  const auto frames = random({2, 3, 8, 12, 3}, 1).to(at::kFloat),
             before = random({2, 1, 8, 12, 3}, 2).to(at::kFloat);
  const PatchGrid grid{4, 3};
  for (const auto& first : {before, at::Tensor()}) {
    const auto got =
        fused::patchify_with_changes(frames, first, grid, at::kFloat, *GetParam()).chunk(2, 3);
    const auto earlier =
        at::cat({first.defined() ? first : frames.slice(1, 0, 1), frames.slice(1, 0, -1)}, 1);
    EXPECT_TRUE(at::equal(got[0], patchify(frames, grid, at::kFloat)));
    EXPECT_TRUE(at::equal(got[1], patchify(frames - earlier, grid, at::kFloat)));
  }
}

TEST_P(FlatLoops, SquareTheErrorOfFrames) {
  for (const int64_t size : {1, 16, 37, 3000}) {
    const auto a = random({2, 3, size}, 1).to(at::kFloat),
               b = random({2, 3, size}, 2).to(at::kFloat);
    const auto grad = random({2, 3}, 3).to(at::kFloat);
    const auto difference = a.to(at::kDouble) - b.to(at::kDouble);
    EXPECT_LT(
        relative_error(fused::frame_squared_error(a, b, *GetParam()), difference.square().sum(2)),
        1e-6);
    EXPECT_LT(relative_error(fused::frame_squared_error_backward(a, b, grad, *GetParam()),
                             2 * difference * grad.to(at::kDouble).unsqueeze(2)),
              1e-6);
  }
}

TEST_P(FlatLoops, StepToTheSameBits) {
  const AdamWConstants constants{0.9, 0.99, 1e-8, 0.1};
  auto numbers = adamw_numbers(constants, {1e-3, 0.5, 0.99, 3});
  const auto run = [&](const cpu::Loops& with, bool averaged) {
    const auto value = random({133}, 1).to(at::kFloat), gradient = random({133}, 2).to(at::kFloat);
    const auto m = random({133}, 3).to(at::kFloat), v = random({133}, 4).to(at::kFloat).abs();
    const auto average = averaged ? random({133}, 5).to(at::kFloat) : at::Tensor();
    adamw(value, gradient, m, v, average, constants, numbers, with);
    return at::cat({value, m, v, averaged ? average : value});
  };
  const auto untouched = [&] {
    numbers.select(0, -1).fill_(1);
    const auto all = run(*GetParam(), true);
    numbers.select(0, -1).fill_(0);
    return all;
  };
  for (const bool averaged : {false, true})
    EXPECT_TRUE(at::equal(run(*GetParam(), averaged), run(cpu::kPortableLoops, averaged)));
  EXPECT_TRUE(at::equal(untouched().narrow(0, 0, 133), random({133}, 1).to(at::kFloat)));
}

TEST_P(FlatLoops, SumSquaresToTheSameBits) {
  for (const int64_t count : {0, 1, 7, 8, 1000, 12345}) {
    const auto x = random({count}, 1).to(at::kFloat);
    EXPECT_EQ(squared_norm(x, *GetParam()), squared_norm(x, cpu::kPortableLoops));
    EXPECT_NEAR(squared_norm(x, *GetParam()), x.to(at::kDouble).square().sum().item<double>(),
                1e-9 * static_cast<double>(count));
  }
}

/// Box and Muller from the scalar generator, in float64.
double exact_normal(uint64_t key, int64_t i) {
  const Philox block(key, static_cast<uint64_t>(i / 4), 0);
  const auto pair = static_cast<size_t>(i % 4 / 2 * 2);
  const double radius = std::sqrt(-2 * std::log(1.0 - uniform_from_bits(block.value[pair])));
  const double angle = 2 * std::numbers::pi * uniform_from_bits(block.value[pair + 1]);
  return radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

TEST_P(FlatLoops, DrawWhatTheGeneratorSays) {
  constexpr uint64_t kKey = 0x123456789ABCDEFull;
  constexpr int64_t kCount = 10007;
  std::vector<float> uniforms(kCount), normals(kCount), portable(kCount);
  GetParam()->draw_uniforms(kKey, kCount, uniforms.data());
  GetParam()->draw_normals(kKey, kCount, normals.data());
  cpu::kPortableLoops.draw_normals(kKey, kCount, portable.data());
  EXPECT_EQ(normals, portable) << "the same bits on every machine";
  for (int64_t i = 0; i < kCount; ++i) {
    const auto at = static_cast<size_t>(i);
    const Philox block(kKey, static_cast<uint64_t>(i / 4), 0);
    ASSERT_EQ(uniforms[at], uniform_from_bits(block.value[i % 4])) << i;
    ASSERT_NEAR(normals[at], exact_normal(kKey, i), 1e-6) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(EachMachine, FlatLoops, ::testing::ValuesIn(cpu::all_loops()),
                         [](const auto& chosen) { return std::string(chosen.param->name); });

}  // namespace
}  // namespace nextframe
