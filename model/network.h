// The causal network as an objective sees it: it predicts from the frames that it is given, after
// those that it has cached.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace nextframe {

/// What one layer of a network holds of each frame.
struct LayerStates {
  std::string name;        // "block 2"
  at::Tensor states_BTND;  // float32; N and D are the layer's own
};

/// What a network is given of T frames. A tensor that an objective has no use for stays undefined.
struct NetworkInput {
  at::Tensor x_BT;           // [B, T, ...], frames in the model's own layout, see LatentSpace
  at::Tensor actions_BTA;    // float32, the action that a frame's output depends on
  at::Tensor level_BT = {};  // float32, the noise level of a frame: 1 is clean, 0 is pure noise
  /// float32, how many sampling steps of this size lead from noise to clean
  at::Tensor num_steps_BT = {};
  at::Tensor hidden_BTN = {};  // bool, codes that are not shown
  int64_t place = -1;          // see CausalNetwork::peek_at(); -1: the output at all places
  std::vector<LayerStates>* layers = nullptr;  // where the network adds its layers, if asked to
};

/// Adds a layer's states to input.layers if somebody has asked for them.
///   states_BTND  of the frames of `input`, any floating type
void keep_layer(const NetworkInput& input, const std::string& name, const at::Tensor& states_BTND);

/// level_BT, or 1 for every frame where it is not given.
at::Tensor levels_of(const NetworkInput& input);

struct NetworkOutput {
  at::Tensor x_BT;  // float32, as NetworkInput::x_BT; of codes their logits [B, T, N, V]
};

/// Causal over frames: output t depends on inputs up to t only. But where the objective asks for
/// Trait::whole_clip, it depends on all that a call is given.
class CausalNetwork {
 public:
  virtual ~CausalNetwork() = default;

  /// Predicts from `next`, the frames that follow the cached ones. The cache stays as it was. After
  /// cached frames, `next` is one frame.
  virtual NetworkOutput peek(const NetworkInput& next) = 0;

  /// peek() at one place of a frame whose codes come one after the other: the logits of its code,
  /// [B, 1, 1, V], which depend on the codes at earlier places only. Called for place 0, 1, ...,
  /// with the codes of earlier calls in `next`.
  virtual NetworkOutput peek_at(const NetworkInput& next, int64_t place);

  /// The same as peek(), and `next` joins the cache (the KV cache of a transformer).
  virtual NetworkOutput append(const NetworkInput& next) = 0;
};

}  // namespace nextframe
