// Activation checkpointing (`trainer.recompute`): blocks drop their activations in forward and
// recompute them in backward.
#pragma once

#include <memory>
#include <string>

#include "model/world_model.h"
#include "trainer/config/config.h"

namespace nextframe {

/// Runs a block, or its attention only, without saving activations, and runs it once more in
/// backward. The second run has the same bits as the first, so no gradient changes. The
/// parameters' gradients are accumulated inside that backward as usual, so GradientHooks still
/// sees each as soon as it is complete.
///
/// FsdpRunner belongs around this one, not inside it: then a block's parameters are gathered
/// once for both the recomputation and the backward after it.
class RecomputeRunner final : public BlockRunner {
 public:
  enum class Again { block, attention };

  /// `inner` runs the block, both times.
  explicit RecomputeRunner(Again again,
                           std::shared_ptr<BlockRunner> inner = std::make_shared<BlockRunner>());

  /// Throws UsageError if Again::attention is asked for and the block has no separate attention.
  at::Tensor run(int64_t index, const Block& block, const at::Tensor& hidden) override;

 private:
  Again again_;
  std::shared_ptr<BlockRunner> inner_;
};

/// The runner of trainer.recompute ("none", "block", "attention"); null for "none".
std::shared_ptr<BlockRunner> make_recompute_runner(const std::string& recompute);

/// Gives the model the runner that its config asks for. Throws UsageError if the model has no
/// trunk of blocks.
void recompute_blocks(Model& model, const Config& config);

}  // namespace nextframe
