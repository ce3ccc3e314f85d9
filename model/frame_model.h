// A world model of one causal network and an objective, on pixels or a tokenizer's latents. Zoo
// models derive from it and define the network.
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

  bool is_sampling() const override { return objective_->is_sampling(); }
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
  bool can_fill() const override { return objective_->fills_clips(); }
  at::Tensor fill(const at::Tensor& frames_BTHWC, const at::Tensor& known_T,
                  const at::Tensor& actions_BTA, const RolloutOptions& options) override;
  bool has_tokenizer() const override { return tokenizer_ || learned_; }
  std::map<std::string, double> monitors() const override {
    return learned_ ? learned_->monitors() : std::map<std::string, double>();
  }
  /// Of the objective's own way to show the past; none if run() keeps no layers. Before them, what
  /// an encoder that learns with the model makes of a frame.
  std::vector<LayerStates> hidden_states(const at::Tensor& frames_BTHWC,
                                         const at::Tensor& actions_BTA,
                                         const RolloutOptions& options) override;
  std::unique_ptr<LiveRollout> begin_rollout(const at::Tensor& context_BTHWC,
                                             const at::Tensor& actions_BTA,
                                             const RolloutOptions& options) override;
  at::Tensor reconstruct(const at::Tensor& frames_BTHWC) override;
  int64_t num_latent_actions() const override {
    return latent_actions_ ? latent_actions_->space().num_codes() : 0;
  }
  at::Tensor infer_actions(const at::Tensor& frames_BTHWC) override;

  /// Frozen tokenizers are no child modules: nothing of them is trained or saved with the model.
  FrozenTokenizer* tokenizer() const { return tokenizer_.get(); }
  FrozenTokenizer* latent_actions() const { return latent_actions_.get(); }
  void to(torch::Device device, bool non_blocking = false) override;
  using torch::nn::Module::to;

 protected:
  /// The causal network on at most clip_frames frames. With a `cache`, from make_cache(), they
  /// follow the frames in it, and join it if `appends`. What its layers hold goes to keep_layer().
  virtual NetworkOutput run(const NetworkInput& input, FrameCache* cache, bool appends) = 0;

  /// An empty cache, if the network can go on frame by frame; else null.
  virtual std::unique_ptr<FrameCache> make_cache() const { return nullptr; }

  const ClipShape& shape() const { return shape_; }
  const ActionForm& action_form() const { return action_form_; }
  bool asks_for(Trait trait) const { return objective_->asks().contains(trait); }
  double extra_forwards() const { return objective_->extra_forwards(); }

  /// Of the frozen tokenizers, whose encoders run on every clip; 0 without one.
  double encoding_flops_per_clip() const;

 private:
  class Live;  // in model/frame_rollout.cpp, with rollout()

  double space_bound() const;
  at::Tensor latents_of(const at::Tensor& frames_BTHWC) const;
  at::Tensor unit_frames_of(const at::Tensor& latents_BT) const;
  Clip clip_of(const at::Tensor& frames_BTHWC, const at::Tensor& encoded_actions_BTA, int64_t first,
               int64_t end, const RolloutOptions& options) const;
  std::unique_ptr<RememberingNetwork> make_network(bool use_cache);
  /// `network` with the guidance of the options, or null where they ask for none.
  std::unique_ptr<CausalNetwork> guide(CausalNetwork& network, const RolloutOptions& options) const;
  // Of an objective that fills clips, see frame_model_clips.cpp.
  int64_t most_known_frames() const;
  at::Tensor one_step_by_clips(const at::Tensor& latents_BT, const at::Tensor& encoded_actions_BTA,
                               const RolloutOptions& options);
  at::Tensor rollout_by_clips(const at::Tensor& latents_BT, const at::Tensor& encoded_actions_BTA,
                              const RolloutOptions& options);
  at::Tensor continued_clip(const at::Tensor& latents_BT, const at::Tensor& encoded_actions_BTA,
                            int64_t first, int64_t wanted, const RolloutOptions& options);
  /// Of the actions that the model is told, before action_form() encodes them.
  int64_t action_width() const {
    return latent_actions_ ? num_latent_actions() : shape_.action_width;
  }
  void check_frames(const at::Tensor& frames_BTHWC) const;
  void check_inputs(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                    int64_t num_actions) const;

  /// Adds what a tokenizer that learns with the model asks for.
  void add_read_out(const at::Tensor& latents_BT, const Batch& batch, LossTerms& terms);

  ClipShape shape_;
  std::shared_ptr<Objective> objective_;
  std::shared_ptr<FrozenTokenizer> tokenizer_, latent_actions_;
  std::shared_ptr<Tokenizer> learned_;  // the child module `encoder`
  ActionForm action_form_;
};

}  // namespace nextframe
