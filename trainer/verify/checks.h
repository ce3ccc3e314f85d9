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

/// One parameter's gradient over a whole step, in float64.
struct SummedGradient {
  std::string name;
  at::Tensor sum;        // flat
  bool is_used = false;  // backward reached it in some grain
};

struct StepGradients {
  std::vector<SummedGradient> parameters;
  double weight = 0;  // of the loss, over all grains

  /// What AdamW multiplies the sum with: mean and clipping.
  double scale(double clip_norm) const;
  /// Names of those that no grain's backward reached.
  std::vector<std::string> unused() const;
};

/// Runs every grain of the step after `step` here, one after another, added in float64.
StepGradients sum_grains(const Config& config, WorldModel& model, const Dataset& data,
                         int64_t step);

/// "" when every value that `exchanged` gives is `sum` times `scale`, to 1e-4 of the parameter's
/// largest; else the parameter that is furthest off.
std::string gradient_difference(
    const StepGradients& gradients, double scale,
    const std::function<at::Tensor(const std::string& name)>& exchanged);

/// The same with what a checkpoint holds as first moment: with beta1 = 0, the last step's gradient.
std::string gradient_difference(const StepGradients& gradients, double clip_norm,
                                const std::filesystem::path& checkpoint);

struct RolloutCheck {
  double difference = 0;  // largest of any value, in [0, 1]
  double movement = 0;    // how far the dream leaves its last true frame, at most
  int64_t frames = 0;     // dreamed
};

/// Gives every parameter a nudge as large as half a usual start value, so that a model whose head
/// starts at zero dreams something; then dreams on from half a clip to its end, both ways.
RolloutCheck check_rollout(WorldModel& model, const Dataset& data);

/// "" for equal digests; else the first difference: position, tensors, or the first chunk of the
/// first tensor whose hash differs, with how many of all differ.
std::string first_difference(const Manifest& left, const Manifest& right);

}  // namespace nextframe
