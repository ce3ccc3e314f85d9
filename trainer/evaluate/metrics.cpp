#include "trainer/evaluate/metrics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace nextframe {
namespace {

constexpr int64_t kWindowPx = 11;
constexpr double kSigmaPx = 1.5;
constexpr double kC1 = 0.01 * 0.01;  // (K1 * data range)^2
constexpr double kC2 = 0.03 * 0.03;  // (K2 * data range)^2

using Values = std::vector<double>;

void check_pair(const at::Tensor& predicted, const at::Tensor& truth) {
  TORCH_CHECK(predicted.dim() == 3 && predicted.sizes() == truth.sizes() && truth.numel() > 0,
              "metrics: predicted frame ", predicted.sizes(), " and true frame ", truth.sizes(),
              " must be of one size [H, W, C]");
  for (const auto& frame : {predicted, truth}) {
    TORCH_CHECK(frame.scalar_type() == at::kFloat && frame.is_contiguous() && frame.is_cpu(),
                "metrics: frames must be contiguous float32 on the CPU; use to_unit_range");
  }
}

Values gaussian_window(int64_t window_px) {
  Values weights(static_cast<size_t>(window_px));
  double sum = 0;
  for (int64_t i = 0; i < window_px; ++i) {
    const double distance_px = static_cast<double>(i - window_px / 2) / kSigmaPx;
    sum += weights[static_cast<size_t>(i)] = std::exp(-0.5 * distance_px * distance_px);
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// out[i] = sum over k of weights[k] * in[i + k * step], in ascending k.
void weighted_sum(const Values& weights, const double* in, int64_t step, int64_t count,
                  double* out) {
  std::fill(out, out + count, 0.0);
  for (size_t k = 0; k < weights.size(); ++k) {
    const double weight = weights[k];
    const double* shifted = in + static_cast<int64_t>(k) * step;
    for (int64_t i = 0; i < count; ++i) out[i] += weight * shifted[i];
  }
}

/// The window's weighted mean at every place where it lies inside the image, rows first.
Values blur(const Values& image_HWC, const Values& weights, const at::IntArrayRef sizes) {
  const int64_t window_px = static_cast<int64_t>(weights.size());
  const int64_t row = sizes[1] * sizes[2], channels = sizes[2];
  const int64_t out_height = sizes[0] - window_px + 1;
  const int64_t out_row = (sizes[1] - window_px + 1) * channels;
  Values columns(static_cast<size_t>(row)), out(static_cast<size_t>(out_height * out_row));
  for (int64_t y = 0; y < out_height; ++y) {
    weighted_sum(weights, image_HWC.data() + y * row, row, row, columns.data());
    weighted_sum(weights, columns.data(), channels, out_row, out.data() + y * out_row);
  }
  return out;
}

}  // namespace

at::Tensor to_unit_range(const at::Tensor& frames) {
  const auto on_cpu = frames.detach().cpu();
  if (on_cpu.scalar_type() == at::kByte) return on_cpu.to(at::kFloat).div_(255.0).contiguous();
  return on_cpu.to(at::kFloat).clamp(0.0, 1.0).contiguous();
}

namespace {

struct Light {
  double mean, variance;
};

Light light_of(const at::Tensor& frame_HWC) {
  const float* values = frame_HWC.const_data_ptr<float>();
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < frame_HWC.numel(); ++i) {
    const auto value = static_cast<double>(values[i]);
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(frame_HWC.numel());
  const double mean = sum / count;
  return {mean, std::max(0.0, squares / count - mean * mean)};
}

}  // namespace

double mean_squared_error(const at::Tensor& predicted_HWC, const at::Tensor& true_HWC) {
  check_pair(predicted_HWC, true_HWC);
  const float* predicted = predicted_HWC.const_data_ptr<float>();
  const float* truth = true_HWC.const_data_ptr<float>();
  double sum = 0;
  for (int64_t i = 0; i < true_HWC.numel(); ++i) {
    const double difference = static_cast<double>(predicted[i]) - static_cast<double>(truth[i]);
    sum += difference * difference;
  }
  return sum / static_cast<double>(true_HWC.numel());
}

double psnr_db(double mse) {
  return mse <= 0 ? kPsnrCapDb : std::min(kPsnrCapDb, -10.0 * std::log10(mse));
}

double ssim(const at::Tensor& predicted_HWC, const at::Tensor& true_HWC) {
  check_pair(predicted_HWC, true_HWC);
  const auto sizes = true_HWC.sizes();
  const int64_t shorter_px = std::min(sizes[0], sizes[1]);
  const int64_t largest_odd_px = shorter_px % 2 == 1 ? shorter_px : shorter_px - 1;
  const auto weights = gaussian_window(std::clamp<int64_t>(largest_odd_px, 1, kWindowPx));

  const auto count = static_cast<size_t>(true_HWC.numel());
  Values x(count), y(count), squares(count), products(count);
  const float* predicted = predicted_HWC.const_data_ptr<float>();
  const float* truth = true_HWC.const_data_ptr<float>();
  for (size_t i = 0; i < count; ++i) {
    x[i] = static_cast<double>(predicted[i]);
    y[i] = static_cast<double>(truth[i]);
    squares[i] = x[i] * x[i] + y[i] * y[i];
    products[i] = x[i] * y[i];
  }
  const auto mean_x = blur(x, weights, sizes), mean_y = blur(y, weights, sizes);
  const auto mean_squares = blur(squares, weights, sizes);
  const auto mean_products = blur(products, weights, sizes);

  double sum = 0;  // every channel has as many places, so one mean serves both
  for (size_t i = 0; i < mean_x.size(); ++i) {
    const double means_squared = mean_x[i] * mean_x[i] + mean_y[i] * mean_y[i];
    const double means_product = mean_x[i] * mean_y[i];
    const double variances = mean_squares[i] - means_squared;
    const double covariance = mean_products[i] - means_product;
    sum += (2 * means_product + kC1) * (2 * covariance + kC2) /
           ((means_squared + kC1) * (variances + kC2));
  }
  return sum / static_cast<double>(mean_x.size());
}

double detail_energy(const at::Tensor& frame_HWC) {
  const auto sizes = frame_HWC.sizes();
  const int64_t rows = sizes[0], columns = sizes[1], channels = sizes[2];
  if (rows < 3 || columns < 3) return 0;
  const float* const frame = frame_HWC.const_data_ptr<float>();
  Values values(frame, frame + frame_HWC.numel());
  const auto blurred = blur(values, {0.25, 0.5, 0.25}, sizes);
  double sum = 0;
  size_t i = 0;
  for (int64_t row = 1; row + 1 < rows; ++row) {
    for (int64_t value = channels; value < (columns - 1) * channels; ++value) {
      const double detail =
          values[static_cast<size_t>(row * columns * channels + value)] - blurred[i++];
      sum += detail * detail;
    }
  }
  return sum / static_cast<double>(blurred.size());
}

FrameScore score_frame(const at::Tensor& predicted_HWC, const at::Tensor& true_HWC) {
  const double mse = mean_squared_error(predicted_HWC, true_HWC);
  const auto predicted = light_of(predicted_HWC), truth = light_of(true_HWC);
  return {mse,
          psnr_db(mse),
          ssim(predicted_HWC, true_HWC),
          detail_energy(predicted_HWC),
          detail_energy(true_HWC),
          predicted.mean,
          truth.mean,
          predicted.variance,
          truth.variance};
}

}  // namespace nextframe
