// Initialises a module's parameters, each drawn by the seed and its own full name.
#pragma once

#include <torch/nn/module.h>

#include <string>

namespace nextframe {

/// As long as it lives, this thread's models get parameters that have sizes but no memory: such a
/// model shows whether a config fits its data, whatever its size, and computes nothing.
class WithoutParameterMemory {
 public:
  WithoutParameterMemory();
  ~WithoutParameterMemory();
  WithoutParameterMemory(const WithoutParameterMemory&) = delete;
  WithoutParameterMemory& operator=(const WithoutParameterMemory&) = delete;
};

/// Registers parameters on a module. `path` must be the module's path within the model, so
/// that an initial value depends only on the parameter's full name.
class ParameterMaker {
 public:
  explicit ParameterMaker(uint64_t seed, std::string path = "")
      : seed_(seed), path_(std::move(path)) {}

  /// The maker of the child module that will be registered under `name`.
  ParameterMaker child(const std::string& name) const {
    return ParameterMaker(seed_, path_ + name + ".");
  }

  at::Tensor normal(torch::nn::Module& owner, const std::string& name, at::IntArrayRef sizes,
                    double standard_deviation) const;
  at::Tensor constant(torch::nn::Module& owner, const std::string& name, at::IntArrayRef sizes,
                      double value) const;

 private:
  uint64_t seed_;
  std::string path_;
};

}  // namespace nextframe
