// The world model: a model that predicts frames, one step ahead and in rollouts.
//
// Shape letters of the project:
//   B clips per grain   T frames per clip   H,W pixels   C channels
//   A action width      N tokens per frame  D model width
//   K heads             V codes             E values per patch
#pragma once

#include <memory>

#include "model/model.h"
#include "model/network.h"

namespace nextframe {

struct RolloutOptions {
  int64_t denoise_steps = 4;  // for sampling objectives; `regress` has none
  uint64_t seed = 0;          // for the noise of sampling objectives
  at::Tensor sample_ids_B{};  // int64, the episode of each row, keys its noise; undefined means 0
  int64_t first_frame = 0;    // the number of the rows' first frame in their episodes
  bool use_cache = true;      // go on from a (KV) cache of earlier frames, if the model has one
  double guidance = 1;        // of actions, see GuidedNetwork in model/cached_network.h; 1: none
};

/// A rollout that goes on as long as it is told what to do: one action, one frame.
class LiveRollout {
 public:
  virtual ~LiveRollout() = default;

  /// The frame to which actions [B, A] lead that are taken at the newest frame: [B, H, W, C]
  /// float32 in [0, 1].
  virtual at::Tensor step(const at::Tensor& action_BA) = 0;

  /// Changes RolloutOptions::denoise_steps and ::guidance from the next frame on.
  virtual void set_sampling(int64_t denoise_steps, double guidance) = 0;

  /// The same state once more. Each of the two goes on without the other.
  virtual std::unique_ptr<LiveRollout> clone() const = 0;
};

/// A model that learns to predict the next frame of a clip.
class WorldModel : public Model {
 public:
  /// False for a tokenizer, which only reconstructs.
  virtual bool can_predict() const { return true; }

  /// Whether it has one_step(). False for dreams that another program has stored.
  virtual bool can_step() const { return can_predict(); }

  /// Whether there is a tokenizer, so that reconstruct() gives anything.
  virtual bool has_tokenizer() const { return false; }

  /// What the tokenizer leaves of frames, float32 in [0, 1]: the best that a model of its latents
  /// can do. Undefined for a model of pixels.
  ///   frames_BTHWC  uint8
  virtual at::Tensor reconstruct(const at::Tensor& /*frames_BTHWC*/) { return {}; }

  /// How many latent actions there are, which stand in the place of the data's; 0 if none do. Then
  /// actions_BTA below are these, one-hot.
  virtual int64_t num_latent_actions() const { return 0; }

  /// The latent action from each frame to its next, one-hot, float32 [B, T, V]; the last frame's is
  /// that of code 0. Undefined for a model of the data's actions.
  ///   frames_BTHWC  uint8
  virtual at::Tensor infer_actions(const at::Tensor& /*frames_BTHWC*/) { return {}; }

  /// Whether frames are sampled, in RolloutOptions::denoise_steps steps each.
  virtual bool is_sampling() const { return false; }

  /// Why a frame cannot be sampled in so many steps, or "".
  virtual std::string steps_problem(int64_t /*steps*/) const { return ""; }

  /// Whether fill() is there: the model attends to a clip as a whole.
  virtual bool can_fill() const { return false; }

  /// The frames of a clip that are not known, from those that are, before and after them.
  ///   frames_BTHWC  uint8, clip_frames of them; what stands in unknown ones is not looked at
  ///   known_T       bool
  ///   actions_BTA   float32, of every frame
  ///   returns       all frames, [B, T, H, W, C] float32 in [0, 1]
  virtual at::Tensor fill(const at::Tensor& /*frames_BTHWC*/, const at::Tensor& /*known_T*/,
                          const at::Tensor& /*actions_BTA*/, const RolloutOptions& /*options*/) {
    return {};
  }

  /// Teacher forcing: predictions of frames 1 .. T-1, each from the true frames before it.
  ///   frames_BTHWC  uint8      actions_BTA  float32
  ///   returns       [B, T-1, H, W, C] float32 in [0, 1]
  virtual at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                              const RolloutOptions& options) = 0;

  /// What each layer holds of true frames as the network sees them (teacher forcing), without a
  /// gradient, from the first layer to the last. The states of frame t depend on frames 0 .. t and
  /// their actions only. None: the model does not tell.
  ///   frames_BTHWC  uint8, T < clip_frames     actions_BTA  float32
  ///   options       keys the noise, where the past is shown with some
  virtual std::vector<LayerStates> hidden_states(const at::Tensor& /*frames_BTHWC*/,
                                                 const at::Tensor& /*actions_BTA*/,
                                                 const RolloutOptions& /*options*/) {
    return {};
  }

  /// Rolls out (dreams) from true frames: frame t is predicted from the frames before it, own
  /// predictions included. Each layer attends to the clip_frames - 1 newest of them. With a
  /// KV cache, keys and values were computed when a frame was new, from older frames, too;
  /// else they are recomputed from the window's frames only. Both are equal as long as no
  /// frame has left the window.
  ///   context_BTHWC  uint8, T = number of context frames >= 1
  ///   actions_BTA    float32, T = context frames + dreamed frames - 1
  ///   returns        the dreamed frames, [B, actions T - context T + 1, H, W, C] float32 in [0, 1]
  virtual at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                             const RolloutOptions& options) = 0;

  /// Begins the rollout that rollout() computes at once; with the same options and actions its
  /// frames are the same. With a KV cache each costs the same, however many came before. The model
  /// must outlive it. Null for a model that predicts whole rollouts only.
  ///   context_BTHWC  uint8, T >= 1
  ///   actions_BTA    float32, those between the context's frames: one fewer
  virtual std::unique_ptr<LiveRollout> begin_rollout(const at::Tensor& /*context_BTHWC*/,
                                                     const at::Tensor& /*actions_BTA*/,
                                                     const RolloutOptions& /*options*/) {
    return nullptr;
  }
};

}  // namespace nextframe
