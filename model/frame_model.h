// A world model that works on pixels: an objective around one causal network. Zoo models derive
// from it and define the network.
#pragma once

#include <memory>

#include "model/objective/objective.h"
#include "model/registry.h"
#include "model/world_model.h"

namespace nextframe {

/// What a network caches of the frames that it has seen (KV caches), so that it can continue with
/// the next one.
class FrameCache {
 public:
  virtual ~FrameCache() = default;
};

class FrameModel : public WorldModel {
 public:
  explicit FrameModel(const ModelInputs& inputs);

  LossTerms loss(const Batch& batch, const at::Tensor& draw) override;

  /// Teacher-forced predictions. Longer episodes are cut into windows of clip_frames frames,
  /// which advance by half a clip. Except in the first window, only the later half is
  /// predicted, so every frame has at least half a clip of true frames before it. The last
  /// window ends with the episode.
  at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                      const RolloutOptions& options) override;
  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override;

 protected:
  /// The causal network (see Network in model/objective/objective.h) on frames [B, T, H, W,
  /// C], with T at most clip_frames.
  virtual at::Tensor network(const at::Tensor& x_BTHWC, const at::Tensor& actions_BTA,
                             const at::Tensor& level_BT) = 0;

  /// An empty cache, if the network can continue frame by frame; else null.
  virtual std::unique_ptr<FrameCache> make_memory() const { return nullptr; }

  /// network() of the frames that follow those in `memory`; appends them to it.
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
