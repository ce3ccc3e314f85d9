// To which step a stored action belongs: whether it followed the frame of its row or led to it.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace nextframe {

enum class ActionAlignment {
  after,   // the action in row t is taken at frame t and leads to frame t+1: Gym's, and ours
  before,  // the action in row t led to frame t: Dreamer's
};

/// "after" or "before"; of the long forms that people write into files, "act[t]: obs[t]->obs[t+1]"
/// and "act[t]: obs[t-1]->obs[t]". Nothing for any other text.
std::optional<ActionAlignment> action_alignment_from(const std::string& text);

/// What an alignment means, for messages.
std::string describe(ActionAlignment alignment);

/// Rows of actions [R, ...] of one episode as the rows [T, ...] that follow each of its frames; the
/// last one is zero, for nothing follows it. R is T or T-1: where one is missing, it is that of the
/// frame that has none, the last of `after` and the first of `before`.
at::Tensor align_actions(const at::Tensor& rows, int64_t num_frames, ActionAlignment alignment);

}  // namespace nextframe
