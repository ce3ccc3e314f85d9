// A world model that works on pixels: an objective around one causal network. Zoo models derive
// from it and define the network.
#pragma once

#include <memory>

#include "model/action_form.h"
#include "model/cached_network.h"
#include "model/objective/objective.h"
#include "model/registry.h"
#include "model/world_model.h"

namespace nextframe {

class FrameModel : public WorldModel {
 public:
  explicit FrameModel(const ModelInputs& inputs);

  bool is_sampling() const override { return has_noise_levels(); }
  std::string steps_problem(int64_t steps) const override {
    return objective_->steps_problem(steps);
  }

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
  /// The causal network on at most clip_frames frames. With a `cache`, from make_cache(), they
  /// follow the frames in it, and join it if `appends`.
  virtual NetworkOutput run(const NetworkInput& input, FrameCache* cache, bool appends) = 0;

  /// An empty cache, if the network can go on frame by frame; else null.
  virtual std::unique_ptr<FrameCache> make_cache() const { return nullptr; }

  const ClipShape& shape() const { return shape_; }
  const ActionForm& action_form() const { return action_form_; }
  bool has_noise_levels() const { return objective_->asks().contains(Trait::noise_levels); }
  double extra_forwards() const { return objective_->extra_forwards(); }
  bool has_step_sizes() const { return objective_->asks().contains(Trait::step_sizes); }

 private:
  Clip clip_of(const at::Tensor& frames_BTHWC, const at::Tensor& encoded_actions_BTA, int64_t first,
               int64_t end, const RolloutOptions& options) const;
  std::unique_ptr<CausalNetwork> make_network(const RolloutOptions& options);
  void check_inputs(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                    int64_t num_actions) const;

  ClipShape shape_;
  std::shared_ptr<Objective> objective_;
  ActionForm action_form_;
};

}  // namespace nextframe
