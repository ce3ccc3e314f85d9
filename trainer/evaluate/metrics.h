// Metrics of a predicted frame against the true one: MSE, PSNR and SSIM.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace nextframe {

/// PSNR of identical frames would be infinite: it is capped here, and such frames are counted.
constexpr double kPsnrCapDb = 100.0;

struct FrameScore {
  double mse = 0;      // mean over height, width and channels
  double psnr_db = 0;  // 10 log10(1 / mse), at most kPsnrCapDb
  double ssim = 0;     // see ssim()
  double detail = 0;   // detail_energy() of the prediction
  double true_detail = 0;
  double brightness = 0;  // mean of the prediction, and of the truth
  double true_brightness = 0;
  double contrast = 0;  // variance of the prediction, and of the truth
  double true_contrast = 0;
};

/// Frames as numbers: uint8 to float32 in [0, 1]; float32 is clipped to [0, 1]. Contiguous.
at::Tensor to_unit_range(const at::Tensor& frames);

/// All metrics take two frames [H, W, C] on the CPU, as to_unit_range returns them, and sum in
/// float64 in a fixed order that does not depend on the number of threads.
double mean_squared_error(const at::Tensor& predicted_HWC, const at::Tensor& true_HWC);

/// 10 log10(1 / mse), at most kPsnrCapDb.
double psnr_db(double mse);

/// Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13): Gaussian window of 11 px
/// and sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03, data range 1, only where the whole
/// window lies inside the frame; mean over those places, then over channels. A frame smaller than
/// 11 px takes the largest odd window that fits its shorter side, same sigma, weights rescaled.
double ssim(const at::Tensor& predicted_HWC, const at::Tensor& true_HWC);

/// Energy of fine detail: the mean of (x - b(x))^2, b the binomial blur [1 2 1] / 4 along rows and
/// columns, over pixels whose neighbours are all inside. 0 for frames under 3 px. That of a
/// prediction over that of the truth is its sharpness: 1 is as sharp, less is blurred.
double detail_energy(const at::Tensor& frame_HWC);

FrameScore score_frame(const at::Tensor& predicted_HWC, const at::Tensor& true_HWC);

}  // namespace nextframe
