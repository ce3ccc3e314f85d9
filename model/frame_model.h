// A world model that works on pixels: an objective around one causal network. Zoo models derive
// from it and define the network.
#pragma once

#include <memory>

#include "model/objective/objective.h"
#include "model/registry.h"
#include "model/world_model.h"

namespace nextframe {

/// What a network keeps of the frames that it has seen, so that it can go on with the next.
class FrameCache {
 public:
  virtual ~FrameCache() = default;
};

class FrameModel : public WorldModel {
 public:
  explicit FrameModel(const ModelInputs& inputs);

  LossTerms loss(const Batch& batch, const at::Tensor& draw) override;

  /// Longer episodes are cut into windows of clip_frames frames. After the first, a window moves on
  /// by half a clip and only its later half is predicted, each frame from at least half a clip of
  /// true frames; the last window ends with the episode.
  at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                      const RolloutOptions& options) override;
  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override;

 protected:
  /// The causal network, see Network in model/objective/objective.h; frames as [B, T, H, W, C].
  /// T is at most clip_frames.
  virtual at::Tensor network(const at::Tensor& x_BTHWC, const at::Tensor& actions_BTA,
                             const at::Tensor& level_BT) = 0;

  /// An empty memory, of a network that can go on frame by frame; null: it cannot.
  virtual std::unique_ptr<FrameCache> make_memory() const { return nullptr; }

  /// network() of the frames that follow those in `memory`, which these join.
  virtual at::Tensor network_after(FrameCache& memory, const at::Tensor& x_BTHWC,
                                   const at::Tensor& actions_BTA, const at::Tensor& level_BT);

  const ClipShape& shape() const { return shape_; }
  const Objective& objective() const { return *objective_; }

 private:
  Network bound_network();
  void check_inputs(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                    int64_t num_actions) const;

  ClipShape shape_;
  std::shared_ptr<Objective> objective_;
};

}  // namespace nextframe
