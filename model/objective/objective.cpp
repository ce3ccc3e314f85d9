#include "model/objective/objective.h"

#include <ATen/ATen.h>

namespace nextframe {

at::Tensor arriving_actions(const Clip& clip) {
  return at::cat({clip.before_B1A, clip.actions_BTA.slice(1, 0, -1)}, 1);
}

at::Tensor Objective::one_step(CausalNetwork& network, const Clip& clip, int64_t skip,
                               const RolloutOptions& options) const {
  std::vector<at::Tensor> guesses;
  for (int64_t first = 0, end = 1 + skip; end < clip.x_BT.size(1); first = end, ++end) {
    auto known = clip;
    known.x_BT = clip.x_BT.slice(1, first, end);
    known.actions_BTA = clip.actions_BTA.slice(1, first, end);
    if (first > 0) known.before_B1A = clip.actions_BTA.slice(1, first - 1, first);
    known.first_frame = clip.first_frame + first;
    guesses.push_back(next(network, known, options));
  }
  return at::cat(guesses, 1);
}

}  // namespace nextframe
