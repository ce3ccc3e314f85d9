// Checks of `nextframe verify`: that exchanged gradients are the sums of their grains' gradients,
// that rollouts agree with and without a KV cache, and where two checkpoints differ.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/world_model.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/config/config.h"

namespace nextframe {

/// One parameter's gradient summed over a whole step, in float64.
struct SummedGradient {
  std::string name;
  at::Tensor sum;        // flat
  bool is_used = false;  // backward reached it in some grain
};

struct StepGradients {
  std::vector<SummedGradient> parameters;
  double weight = 0;  // of the loss, over all grains

  /// The factor that AdamW applies to the sum: 1 / weight, and clipping.
  double scale(double clip_norm) const;
  /// Names of the parameters that no grain's backward reached.
  std::vector<std::string> unused() const;
};

/// Runs all grains of the step after `step` in this process and adds their gradients in float64.
StepGradients sum_grains(const Config& config, Model& model, const Dataset& data, int64_t step);

/// "" if every exchanged gradient equals `sum` times `scale`, up to 1e-4 of the parameter's
/// largest value; else a message about the parameter with the largest difference.
std::string gradient_difference(
    const StepGradients& gradients, double scale,
    const std::function<at::Tensor(const std::string& name)>& exchanged);

/// The same for the first moment in a checkpoint, which is the last step's gradient if beta1 = 0.
std::string gradient_difference(const StepGradients& gradients, double clip_norm,
                                const std::filesystem::path& checkpoint);

struct RolloutCheck {
  double difference = 0;  // largest difference of any value, in [0, 1]
  double movement = 0;    // how far the rollout moves away from its last true frame
  int64_t frames = 0;     // dreamed
};

/// Perturbs every parameter by half a typical initial value, since a model whose head starts
/// at zero would not move. Then rolls out from half a clip to its end, with and without the KV
/// cache.
RolloutCheck check_rollout(WorldModel& model, const Dataset& data);

/// "" for equal digests; else the first difference: position, tensor names, or the first chunk
/// whose hash differs, with the number of chunks that differ.
std::string first_difference(const Manifest& left, const Manifest& right);

}  // namespace nextframe
