#include "trainer/verify/checks.h"

#include <algorithm>

#include "data/loader.h"
#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/text.h"
#include "model/running_sum.h"
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

StepGradients sum_grains(const Config& config, Model& model, const Dataset& data, int64_t step) {
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
  // What these carry is no gradient, and has no moments; digests compare them.
  std::erase_if(result.parameters,
                [](const auto& parameter) { return is_running_sum(parameter.name); });
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

namespace {

void nudge(WorldModel& model) {
  const torch::NoGradGuard no_grad;
  for (auto& item : model.named_parameters()) {
    auto& parameter = item.value();
    const bool is_matrix = parameter.dim() >= 2;
    const double inputs =
        is_matrix ? static_cast<double>(parameter.numel() / parameter.size(0)) : 100.0;
    parameter.add_(
        draw_parameter(1, "nudge " + item.key(), parameter.sizes(), 0.5 / std::sqrt(inputs)));
  }
}

}  // namespace

RolloutCheck check_rollout(WorldModel& model, const Dataset& data) {
  nudge(model);
  model.eval();
  constexpr int64_t kClips = 2;
  auto batch = make_batch(data.shape(), kClips);
  for (int64_t row = 0; row < kClips; ++row) data.read_clip(row % data.num_clips(), batch, row);
  const int64_t frames = data.shape().clip_frames, context = std::max<int64_t>(1, frames / 2);
  const auto context_BTHWC = batch.frames_BTHWC.slice(1, 0, context);
  const auto actions_BTA =
      model.num_latent_actions() > 0 ? model.infer_actions(batch.frames_BTHWC) : batch.actions_BTA;
  const auto dream = [&](bool use_cache) {
    RolloutOptions options;
    options.use_cache = use_cache;
    return model.rollout(context_BTHWC, actions_BTA.slice(1, 0, frames - 1), options);
  };
  const auto with = dream(true), without = dream(false);
  const auto last = context_BTHWC.slice(1, context - 1) / 255.0;
  return {(with - without).abs().max().item<double>(), (with - last).abs().max().item<double>(),
          with.size(1)};
}

namespace {

/// Of the whole tensor, whoever wrote its pieces.
std::vector<Hash> hashes_of(const StoredTensor& tensor) {
  std::vector<Hash> hashes;
  for (const auto& piece : tensor.pieces)
    hashes.insert(hashes.end(), piece.chunk_hashes.begin(), piece.chunk_hashes.end());
  return hashes;
}

struct ChunkCount {
  std::string first;  // "'moment1/stem', chunk 3"
  int64_t different = 0, all = 0;
};

void compare(const StoredTensor& left, const StoredTensor& right, ChunkCount& count) {
  const auto mine = hashes_of(left), theirs = hashes_of(right);
  count.all += static_cast<int64_t>(mine.size());
  for (size_t chunk = 0; chunk < std::min(mine.size(), theirs.size()); ++chunk) {
    if (mine[chunk] == theirs[chunk]) continue;
    if (count.different++ == 0) count.first = "'" + left.name + "', chunk " + std::to_string(chunk);
  }
}

}  // namespace

std::string first_difference(const Manifest& left, const Manifest& right) {
  if (left.digest == right.digest) return "";
  const auto &mine = left.position, &theirs = right.position;
  if (mine.step != theirs.step || mine.samples != theirs.samples) {
    return "step " + std::to_string(mine.step) + " and " + std::to_string(mine.samples) +
           " samples against step " + std::to_string(theirs.step) + " and " +
           std::to_string(theirs.samples) + " samples";
  }
  if (left.tensors.size() != right.tensors.size()) {
    return std::to_string(left.tensors.size()) + " tensors against " +
           std::to_string(right.tensors.size());
  }
  ChunkCount count;
  for (size_t i = 0; i < left.tensors.size(); ++i) {
    const auto &one = left.tensors[i], &other = right.tensors[i];
    if (one.name != other.name || one.sizes != other.sizes)
      return "tensor '" + one.name + "' against '" + other.name + "'";
    compare(one, other, count);
  }
  if (count.different == 0)
    return "what is remembered of losses or samples, though every tensor is the same";
  return "first in " + count.first + "; " + std::to_string(count.different) + " of " +
         std::to_string(count.all) + " chunks differ";
}

}  // namespace nextframe
