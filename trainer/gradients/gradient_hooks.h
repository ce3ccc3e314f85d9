// This file is how backward tells that a parameter's gradient is complete.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace nextframe {

/// Calls `on_ready(i)` right after backward has added to the gradient of parameters[i], on the
/// thread that runs backward. LibTorch's tensor hooks come before that addition and are of no use
/// here. One object a parameter at a time; its end ends the calls.
class GradientHooks {
 public:
  GradientHooks(std::vector<at::Tensor> parameters, std::function<void(int64_t)> on_ready);
  ~GradientHooks();
  GradientHooks(const GradientHooks&) = delete;
  GradientHooks& operator=(const GradientHooks&) = delete;

 private:
  std::vector<at::Tensor> parameters_;
};

}  // namespace nextframe
