#include <gtest/gtest.h>

#include <cmath>

#include "kernels/torch.h"
#include "trainer/evaluate/metrics.h"

namespace nextframe {
namespace {

/// A pair of frames by formula, the same as in the comment of SsimIsWangs.
std::pair<at::Tensor, at::Tensor> formula_pair(int64_t height, int64_t width) {
  auto truth = at::empty({height, width, 3}, at::kByte), predicted = truth.clone();
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        truth[y][x][c] = (7 * x + 13 * y + 29 * c) % 256;
        predicted[y][x][c] = (7 * x + 13 * y + 29 * c + x * y % 41) % 256;
      }
    }
  }
  return {to_unit_range(predicted), to_unit_range(truth)};
}

TEST(Metrics, MseIsTheMeanOverPixelsAndChannels) {
  auto truth = at::zeros({4, 5, 3}), predicted = truth.clone();
  predicted[1][2][0] = 0.5;
  predicted[3][4][2] = 1.0;
  EXPECT_DOUBLE_EQ(mean_squared_error(predicted, truth), 1.25 / 60);
}

TEST(Metrics, BytesBecomeUnitRangeAndPredictionsAreClipped) {
  const auto bytes = at::tensor({0, 51, 255}, at::kByte);
  EXPECT_TRUE(to_unit_range(bytes).equal(at::tensor({0.0f, 0.2f, 1.0f})));
  EXPECT_TRUE(
      to_unit_range(at::tensor({-0.5f, 0.25f, 7.0f})).equal(at::tensor({0.0f, 0.25f, 1.0f})));
}

TEST(Metrics, PsnrIsInDecibelsAndCapped) {
  EXPECT_NEAR(psnr_db(0.01), 20.0, 1e-12);
  EXPECT_EQ(psnr_db(0.0), kPsnrCapDb);
  EXPECT_EQ(psnr_db(1e-30), kPsnrCapDb);
  EXPECT_EQ(psnr_db(1.0), 0.0);
}

// The values are scikit-image 0.26.0's structural_similarity(gaussian_weights=True, sigma=1.5,
// use_sample_covariance=False, data_range=1, channel_axis=2), and its mean squared error.
TEST(Metrics, SsimIsWangs) {
  const auto [predicted, truth] = formula_pair(24, 32);
  EXPECT_NEAR(ssim(predicted, truth), 0.5042361556626767, 1e-6);
  EXPECT_NEAR(mean_squared_error(predicted, truth), 0.0679753449025427, 1e-8);
  const auto grey = [](const at::Tensor& frame) { return frame.narrow(2, 0, 1).contiguous(); };
  EXPECT_NEAR(ssim(grey(predicted), grey(truth)), 0.48798679393453126, 1e-6);
}

TEST(Metrics, IdenticalFramesScoreTheBest) {
  const auto [predicted, truth] = formula_pair(16, 16);
  const auto score = score_frame(truth, truth);
  EXPECT_EQ(score.mse, 0.0);
  EXPECT_EQ(score.psnr_db, kPsnrCapDb);
  EXPECT_NEAR(score.ssim, 1.0, 1e-12);
}

// The definition written out for a frame that has room for one window of 5 px only.
TEST(Metrics, FramesBelowElevenPixelsTakeASmallerWindow) {
  const auto [predicted, truth] = formula_pair(6, 5);
  double sum = 0;
  for (int64_t top = 0; top < 2; ++top) {
    for (int64_t c = 0; c < 3; ++c) {
      double weights = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
      for (int64_t i = 0; i < 25; ++i) {
        const double dy = static_cast<double>(i / 5 - 2), dx = static_cast<double>(i % 5 - 2);
        const double w = std::exp(-(dx * dx + dy * dy) / (2 * 1.5 * 1.5));
        const double p = predicted[top + i / 5][i % 5][c].item<double>();
        const double t = truth[top + i / 5][i % 5][c].item<double>();
        weights += w, x += w * p, y += w * t, xx += w * p * p, yy += w * t * t, xy += w * p * t;
      }
      x /= weights, y /= weights;
      const double vx = xx / weights - x * x, vy = yy / weights - y * y, v = xy / weights - x * y;
      sum += (2 * x * y + 1e-4) * (2 * v + 9e-4) / ((x * x + y * y + 1e-4) * (vx + vy + 9e-4));
    }
  }
  EXPECT_NEAR(ssim(predicted, truth), sum / 6, 1e-12);
}

// The definition written out, [1 2 1] / 4 along rows and columns.
TEST(Metrics, DetailIsWhatABlurTakesAway) {
  const auto [predicted, truth] = formula_pair(7, 9);
  double sum = 0;
  for (int64_t y = 1; y < 6; ++y) {
    for (int64_t x = 1; x < 8; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        double blurred = 0;
        for (int64_t dy = -1; dy <= 1; ++dy) {
          for (int64_t dx = -1; dx <= 1; ++dx) {
            const double weight = (dy == 0 ? 2 : 1) * (dx == 0 ? 2 : 1) / 16.0;
            blurred += weight * truth[y + dy][x + dx][c].item<double>();
          }
        }
        sum += std::pow(truth[y][x][c].item<double>() - blurred, 2);
      }
    }
  }
  EXPECT_NEAR(detail_energy(truth), sum / (5 * 7 * 3), 1e-9);
  EXPECT_NEAR(detail_energy(at::full({8, 8, 1}, 0.3f)), 0, 1e-12);
  EXPECT_EQ(detail_energy(at::rand({2, 8, 3})), 0);
}

TEST(Metrics, FramesOfTwoSizesAreAnError) {
  EXPECT_THROW(mean_squared_error(at::zeros({4, 4, 3}), at::zeros({4, 5, 3})), c10::Error);
  EXPECT_THROW(ssim(at::zeros({4, 4, 3}, at::kByte), at::zeros({4, 4, 3})), c10::Error);
}

}  // namespace
}  // namespace nextframe
