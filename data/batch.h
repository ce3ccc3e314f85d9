// A batch of clips as tensors: the only thing that leaves data/.
#pragma once

#include <ATen/core/Tensor.h>

namespace nextframe {

/// One grain: B clips of T consecutive frames. Shape letters: see model/world_model.h.
struct Batch {
  at::Tensor frames_BTHWC;  // uint8, as stored; C is 1 or 3
  at::Tensor actions_BTA;   // float32; discrete actions one-hot; A = 0 without actions.
                            // The action at t is taken at frame t and leads to frame t+1.
  at::Tensor mask_BT;       // bool; false for frames that do not count
  at::Tensor sample_ids_B;  // int64; names the clip in its dataset, whatever the order or the rank

  /// A batch of function(tensor) of each of its tensors: the one list of them.
  template <class Function>
  Batch map(Function function) const {
    return {function(frames_BTHWC), function(actions_BTA), function(mask_BT),
            function(sample_ids_B)};
  }
};

/// The sizes that a model has to know of the data.
struct ClipShape {
  int64_t clip_frames = 0;   // T
  int64_t height_px = 0;     // H
  int64_t width_px = 0;      // W
  int64_t channels = 0;      // C
  int64_t action_width = 0;  // A, after stride has concatenated the actions in between
};

}  // namespace nextframe
