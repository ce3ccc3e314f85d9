#include "trainer/optimizer.h"

#include <c10/util/ScopeExit.h>
#include <torch/torch.h>

#include <cmath>

#include "kernels/adamw.h"
#include "kernels/base/fixed_tree.h"
#include "kernels/squared_norm.h"

namespace nextframe {

Optimizer::Optimizer(const OptimizerConfig& config, FlatParameters& parameters)
    : config_(config),
      parameters_(parameters),
      moment1_(at::zeros_like(parameters.values())),
      moment2_(at::zeros_like(parameters.values())) {
  if (config.ema_decay > 0) average_ = parameters.values().clone();
}

void Optimizer::update(const at::Tensor& gradient_sum, int64_t step, double lr, double scale) {
  AdamWStep options{
      lr, config_.beta1, config_.beta2, config_.epsilon, 0, scale,
      // An average that starts at the initial parameters forgets them faster at first.
      std::min(config_.ema_decay, static_cast<double>(step) / static_cast<double>(step + 10)),
      step};
  for (const auto& tensor : parameters_.layout()) {
    options.weight_decay = tensor.sizes.size() >= 2 ? config_.weight_decay : 0.0;
    const auto part = [&](const at::Tensor& flat) {
      return flat.defined() ? flat.narrow(0, tensor.offset, tensor.numel) : flat;
    };
    adamw(part(parameters_.values()), part(gradient_sum), part(moment1_), part(moment2_),
          part(average_), options);
  }
}

void Optimizer::with_average(const std::function<void()>& body) {
  if (!average_.defined()) return body();
  const auto kept = parameters_.values().clone();
  const auto put_back = c10::make_scope_exit([&] { parameters_.values().copy_(kept); });
  parameters_.values().copy_(average_);
  body();
}

std::vector<StateBuffer> Optimizer::state() const {
  std::vector<StateBuffer> buffers;
  if (average_.defined()) buffers.push_back({"ema", average_});
  buffers.push_back({"moment1", moment1_});
  buffers.push_back({"moment2", moment2_});
  buffers.push_back({"parameters", parameters_.values()});
  return buffers;
}

double gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient) {
  std::vector<double> partial_sums;
  for (const auto& chunk : parameters.chunks()) {
    partial_sums.push_back(squared_norm(gradient.narrow(0, chunk.offset, chunk.count)));
  }
  return std::sqrt(tree_sum(partial_sums));
}

}  // namespace nextframe
