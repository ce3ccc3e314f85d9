// Activation checkpointing (`trainer.recompute`): blocks drop their activations in forward and
// recompute them in backward.
#pragma once

#include <memory>
#include <string>

#include "model/world_model.h"
#include "trainer/config/config.h"

namespace nextframe {

/// Runs a block, or its attention alone, without keeping what backward needs of it, and once more
/// in backward. The second run has the bits of the first, and the same backward, so no gradient
/// changes. Parameters' gradients are added inside that backward, one after the other as without
/// it, so GradientHooks hears of each when it is complete.
///
/// A runner that gathers parameters belongs around this one, not inside it: then a block's
/// parameters are there for the second run and the backward behind it, gathered once for both.
class RecomputeRunner final : public BlockRunner {
 public:
  enum class Again { block, attention };

  /// `inner` runs what is run, both times.
  explicit RecomputeRunner(Again again,
                           std::shared_ptr<BlockRunner> inner = std::make_shared<BlockRunner>());

  /// Throws UsageError when only the attention of a block is asked for that has none of its own.
  at::Tensor run(int64_t index, const Block& block, const at::Tensor& hidden) override;

 private:
  Again again_;
  std::shared_ptr<BlockRunner> inner_;
};

/// The runner of trainer.recompute ("none", "block", "attention"); null for "none".
std::shared_ptr<BlockRunner> make_recompute_runner(const std::string& recompute);

/// Gives the model the runner that its config asks for. Throws UsageError that names the model when
/// it has no trunk.
void recompute_blocks(WorldModel& model, const Config& config);

}  // namespace nextframe
