#include "trainer/verify/gradient_check.h"

#include "data/loader.h"
#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/text.h"
#include "trainer/checkpoint/store.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/parallel/gradient_buckets.h"

namespace nextframe {
namespace {

constexpr double kTolerance = 1e-4;  // of a parameter's largest gradient

LoaderOptions all_grains(const Config& config, int64_t step) {
  LoaderOptions options;
  options.global_batch = config.trainer.global_batch;
  options.grains = options.last_grain = config.trainer.grains;
  options.first_step = step;
  options.threads = 0;
  options.on_corrupt = config.data.on_corrupt;
  options.warn = [](const std::string&) {};
  return options;
}

}  // namespace

double StepGradients::scale(double clip_norm) const {
  double squares = 0;
  for (const auto& parameter : parameters) squares += parameter.sum.square().sum().item<double>();
  const double norm = std::sqrt(squares) / weight;
  return (clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0) / weight;
}

std::vector<std::string> StepGradients::unused() const {
  std::vector<std::string> names;
  for (const auto& parameter : parameters) {
    if (!parameter.is_used) names.push_back(parameter.name);
  }
  return names;
}

StepGradients sum_grains(const Config& config, WorldModel& model, const Dataset& data,
                         int64_t step) {
  const auto seed = static_cast<uint64_t>(config.trainer.seed);
  Loader loader(data, Sampler(data.num_clips(), seed), all_grains(config, step));
  FlatParameters flat(model);
  StepGradients result;
  for (const auto& tensor : flat.layout())
    result.parameters.push_back({tensor.name, at::zeros({tensor.numel}, at::kDouble), false});
  const GradientHooks hooks(flat.parameters(), [&](int64_t tensor) {
    result.parameters[static_cast<size_t>(tensor)].is_used = true;
  });
  for (int64_t grain = 0; grain < config.trainer.grains; ++grain) {
    flat.clear_gradients();
    const auto terms = model.loss(loader.next(), as_tensor({seed, static_cast<uint64_t>(step)}));
    terms.sum.backward();
    result.weight += terms.weight.item<double>();
    for (size_t i = 0; i < result.parameters.size(); ++i) {
      result.parameters[i].sum.add_(flat.parameters()[i].grad().flatten().to(at::kDouble));
    }
  }
  return result;
}

std::string gradient_difference(
    const StepGradients& gradients, double scale,
    const std::function<at::Tensor(const std::string& name)>& exchanged) {
  std::string worst_name;
  double worst = 0;
  for (const auto& parameter : gradients.parameters) {
    const auto expected = parameter.sum * scale;
    const auto off = (exchanged(parameter.name).to(at::kDouble) - expected).abs().max();
    const double largest = expected.abs().max().item<double>();
    const double part = off.item<double>() / std::max(largest, 1e-30);
    if (part <= kTolerance && !std::isnan(part)) continue;
    if (worst_name.empty() || part > worst) worst_name = parameter.name, worst = part;
  }
  if (worst_name.empty()) return "";
  return "the gradient of '" + worst_name + "' is off by " +
         format("%.2g of its largest value", worst);
}

std::string gradient_difference(const StepGradients& gradients, double clip_norm,
                                const std::filesystem::path& checkpoint) {
  const auto manifest = read_manifest(checkpoint);
  const auto read = [&](const std::string& name) {
    for (const auto& tensor : manifest.tensors) {
      if (tensor.name != "moment1/" + name) continue;
      int64_t count = 1;
      for (const int64_t size : tensor.sizes) count *= size;
      return read_slice(checkpoint, tensor, 0, count);
    }
    throw CheckpointError(checkpoint.string() + ": has no first moment of '" + name + "'");
  };
  return gradient_difference(gradients, gradients.scale(clip_norm), read);
}

}  // namespace nextframe
