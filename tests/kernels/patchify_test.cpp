#include "kernels/patchify.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

constexpr auto kFloat = at::kFloat;

TEST(Patchify, KeepsEveryPixelInPatchOrder) {
  const auto frames_BTHWC = at::arange(4 * 4, at::kByte).view({1, 1, 4, 4, 1});
  const auto patches_BTNE = patchify(frames_BTHWC, {2, 0}, kFloat);
  const auto second_patch = patches_BTNE[0][0][1].add(1.0).mul(127.5).round();
  EXPECT_TRUE(at::equal(second_patch, at::tensor({2.0f, 3.0f, 6.0f, 7.0f})));
}

TEST(Patchify, ShowsTheSurroundingsAndZeroOutside) {
  const auto frames_BTHWC = at::arange(1, 1 + 4 * 4, kFloat).view({1, 1, 4, 4, 1});
  const auto second_patch = patchify(frames_BTHWC, {2, 1}, kFloat)[0][0][1].view({4, 4});
  const auto expected = at::tensor({0, 0, 0, 0, 2, 3, 4, 0, 6, 7, 8, 0, 10, 11, 12, 0}, kFloat);
  EXPECT_TRUE(at::equal(second_patch, expected.view({4, 4})));
}

struct Case {
  PatchGrid grid;
  int64_t height_px, width_px, channels;
};

class PatchifyCases : public testing::TestWithParam<Case> {};

// With one-hot frames a definition needs no arithmetic: entry (y, x) of a window is pixel
// (top - halo + y, left - halo + x).
TEST_P(PatchifyCases, FindsTheRightPixelOfEveryWindow) {
  const auto& [grid, H, W, C] = GetParam();
  const auto frames = random({2, 2, H, W, C}, 1).to(kFloat);
  const auto patches = patchify(frames, grid, kFloat);
  const int64_t window = grid.window_px(), columns = W / grid.patch_px;
  const auto got = patches.view({2, 2, H / grid.patch_px, columns, window, window, C});
  const auto padded =
      at::constant_pad_nd(frames, {0, 0, grid.halo_px, grid.halo_px, grid.halo_px, grid.halo_px});
  for (int64_t row = 0; row < H / grid.patch_px; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const auto expected = padded.slice(2, row * grid.patch_px, row * grid.patch_px + window)
                                .slice(3, column * grid.patch_px, column * grid.patch_px + window);
      EXPECT_TRUE(at::equal(got.select(2, row).select(2, column), expected));
    }
  }
}

TEST_P(PatchifyCases, AgreesWithItsDefinitionBothWays) {
  const auto& [grid, H, W, C] = GetParam();
  const auto cut = [&grid = grid](const Tensors& in) {
    const bool bf16 = in[0].scalar_type() == at::kBFloat16;
    return patchify(bf16 ? in[0].to(kFloat) : in[0], grid, in[0].scalar_type());
  };
  expect_agrees(cut, {random({1, 1, H, W, C}, 1)});
  const int64_t num_patches = H / grid.patch_px * (W / grid.patch_px);
  const auto join = [&, height_px = H, width_px = W](const Tensors& in) {
    return unpatchify(in[0], GetParam().grid, height_px, width_px);
  };
  expect_agrees(join, {random({1, 1, num_patches, grid.window_px() * grid.window_px() * C}, 1)});
}

INSTANTIATE_TEST_SUITE_P(Grids, PatchifyCases,
                         testing::Values(Case{{2, 0}, 4, 6, 3}, Case{{2, 1}, 4, 6, 1},
                                         Case{{3, 4}, 6, 3, 2}, Case{{4, 6}, 4, 8, 1}));

TEST(Patchify, ComesBackWithoutAHalo) {
  const auto frames = random({2, 3, 8, 12, 3}, 1).to(kFloat);
  EXPECT_TRUE(at::equal(unpatchify(patchify(frames, {4, 0}, kFloat), {4, 0}, 8, 12), frames));
}

TEST(Patchify, ScalesBytesAsPixels) {
  const auto bytes = at::randint(0, 256, {1, 2, 8, 8, 3}, at::kByte);
  const auto scaled = bytes.to(kFloat).div(127.5).sub(1.0);
  EXPECT_TRUE(at::equal(patchify(bytes, {4, 2}, kFloat), patchify(scaled, {4, 2}, kFloat)));
}

TEST(Patchify, ShowsWhatChangedWhereverItRuns) {
  const auto frames = random({2, 3, 8, 8, 3}, 1).to(kFloat),
             before = random({2, 1, 8, 8, 3}, 2).to(kFloat);
  for (const auto& first : {before, at::Tensor()}) {
    const auto fast = patchify_with_changes(frames, first, {4, 2}, kFloat);
    const auto exact =
        patchify_with_changes(frames.to(at::kDouble),
                              first.defined() ? first.to(at::kDouble) : first, {4, 2}, at::kDouble);
    EXPECT_TRUE(at::allclose(fast, exact.to(kFloat), 1e-6, 1e-6));
    EXPECT_EQ(fast.size(3), 2 * 8 * 8 * 3);
  }
}

TEST(Patchify, NamesAPatchThatDoesNotFit) {
  EXPECT_THROW(patchify(at::zeros({1, 1, 8, 8, 3}), {3, 0}, kFloat), c10::Error);
  EXPECT_THROW(unpatchify(at::zeros({1, 1, 4, 16}), {3, 0}, 8, 8), c10::Error);
  EXPECT_THROW(unpatchify(at::zeros({1, 1, 5, 16}), {4, 0}, 8, 8), c10::Error);
}

TEST(Patchify, CudaAgreesWithReference) {
  if (!at::hasCUDA()) GTEST_SKIP() << "needs a GPU";
  const auto frames = at::randint(0, 256, {2, 3, 32, 48, 3}, at::kByte);
  const auto on_cpu = patchify(frames, {8, 4}, kFloat);
  const auto on_gpu = patchify(frames.cuda(), {8, 4}, kFloat).cpu();
  EXPECT_TRUE(at::allclose(on_gpu, on_cpu, /*rtol=*/0, /*atol=*/1e-6));
}

TEST(Pixels, EveryByteComesBack) {
  const auto bytes = at::arange(256, at::kByte);
  const auto pixels = pixels_from_bytes(bytes);
  EXPECT_EQ(pixels.min().item<float>(), -1.0f);
  EXPECT_EQ(pixels.max().item<float>(), 1.0f);
  EXPECT_TRUE(at::equal(unit_range(pixels).mul(255).round().to(at::kByte), bytes));
}

TEST(Pixels, OutsideTheRangeIsCutOff) {
  EXPECT_TRUE(
      at::equal(unit_range(at::tensor({-3.0f, 0.0f, 3.0f})), at::tensor({0.0f, 0.5f, 1.0f})));
}

TEST(Pixels, FramesThatAreNotBytesAreRefused) {
  EXPECT_THROW(pixels_from_bytes(at::zeros({2})), c10::Error);
}

}  // namespace
}  // namespace nextframe
