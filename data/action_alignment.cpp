#include "data/action_alignment.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace nextframe {

std::optional<ActionAlignment> action_alignment_from(const std::string& text) {
  std::string letters;
  for (const char c : text) {
    if (c != ' ') letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (letters == "after" || letters == "act[t]:obs[t]->obs[t+1]") return ActionAlignment::after;
  if (letters == "before" || letters == "act[t]:obs[t-1]->obs[t]") return ActionAlignment::before;
  return std::nullopt;
}

std::string describe(ActionAlignment alignment) {
  return alignment == ActionAlignment::after
             ? "after: the action in row t is taken at frame t and leads to frame t+1"
             : "before: the action in row t led to frame t, so all are shifted by one row";
}

at::Tensor align_actions(const at::Tensor& rows, int64_t num_frames, ActionAlignment alignment) {
  TORCH_CHECK(rows.size(0) == num_frames || rows.size(0) + 1 == num_frames,
              "actions: ", rows.size(0), " rows for ", num_frames,
              " frames; needed: one a frame, or one less");
  // Only what leads from one frame of the episode to the next has a meaning.
  const int64_t first = alignment == ActionAlignment::before && rows.size(0) == num_frames ? 1 : 0;
  const int64_t known = std::min(rows.size(0) - first, num_frames - 1);
  auto shape = rows.sizes().vec();
  shape[0] = num_frames;
  const at::Tensor aligned = at::zeros(shape, rows.options());
  aligned.slice(0, 0, known).copy_(rows.slice(0, first, first + known));
  if (alignment == ActionAlignment::after && rows.size(0) == num_frames) {
    aligned.slice(0, known).copy_(rows.slice(0, known));  // unused, and kept as it is
  }
  return aligned;
}

}  // namespace nextframe
