// A network of a test's own, with a record of what it was given.
#pragma once

#include <utility>
#include <vector>

#include "kernels/torch.h"
#include "model/cached_network.h"
#include "model/objective/objective.h"

namespace nextframe::tiny {

/// Computes x from all frames that it knows, the newest last; `seen` has them call by call.
/// append() is a call, too.
class FakeNetwork final : public CausalNetwork {
 public:
  using Rule = std::function<at::Tensor(const NetworkInput& all)>;

  explicit FakeNetwork(Rule rule)
      : network_(
            [this, rule = std::move(rule)](const NetworkInput& all, FrameCache*, bool) {
              seen.push_back(all);
              return NetworkOutput{rule(all)};
            },
            /*window=*/1000) {}

  NetworkOutput peek(const NetworkInput& next) override { return network_.peek(next); }
  NetworkOutput append(const NetworkInput& next) override { return network_.append(next); }

  std::vector<NetworkInput> seen;

 private:
  WindowNetwork network_;
};

/// A clip of noise, 40 frames of 2 x 4 numbers and 2 numbers of action.
inline Clip noise_clip(int64_t rows = 3, int64_t frames = 40) {
  Clip clip;
  clip.x_BT = at::rand({rows, frames, 2, 4}) * 2 - 1;
  clip.actions_BTA = at::rand({rows, frames, 2});
  clip.before_B1A = at::zeros({rows, 1, 2});
  clip.mask_BT = at::ones({rows, frames}, at::kBool);
  clip.sample_ids_B = at::arange(rows);
  return clip;
}

/// Frames `first` .. `end` - 1 of a clip.
inline Clip cut(const Clip& clip, int64_t first, int64_t end) {
  auto result = clip;
  result.x_BT = clip.x_BT.slice(1, first, end);
  result.actions_BTA = clip.actions_BTA.slice(1, first, end);
  if (first > 0) result.before_B1A = clip.actions_BTA.slice(1, first - 1, first);
  result.mask_BT = clip.mask_BT.slice(1, first, end);
  result.first_frame = clip.first_frame + first;
  return result;
}

}  // namespace nextframe::tiny
