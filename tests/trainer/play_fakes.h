// A world that a rule dreams exactly, and a small model that samples: both to be played.
#pragma once

#include <gtest/gtest.h>

#include "tests/model/tiny.h"
#include "tests/trainer/evaluate_fakes.h"
#include "trainer/play/dream_session.h"

namespace nextframe {

/// Dreams by `turned`, and counts the frames that it computes.
class SteppedRule final : public RuleModel {
 public:
  SteppedRule() : RuleModel(turned) {}

  int64_t frames_computed = 0;

  std::unique_ptr<LiveRollout> begin_rollout(const at::Tensor& context_BTHWC, const at::Tensor&,
                                             const RolloutOptions&) override {
    return std::make_unique<Live>(*this, context_BTHWC[0][-1].to(at::kFloat).div(255));
  }

 private:
  class Live final : public LiveRollout {
   public:
    Live(SteppedRule& model, at::Tensor frame_HWC) : model_(model), frame_HWC_(frame_HWC) {}

    at::Tensor step(const at::Tensor& action_BA) override {
      ++model_.frames_computed;
      frame_HWC_ = turned(frame_HWC_, action_BA[0]);
      return frame_HWC_.unsqueeze(0);
    }
    void set_sampling(int64_t, double) override {}
    std::unique_ptr<LiveRollout> clone() const override { return std::make_unique<Live>(*this); }

   private:
    SteppedRule& model_;
    at::Tensor frame_HWC_;
  };
};

inline PlayedModel played(WorldModel& model, std::vector<int64_t> episode_frames = {30, 12}) {
  const auto world = turning_world(std::move(episode_frames));
  PlayActions actions(
      {.kind = ActionSpace::Kind::discrete, .width = 3, .names = {"left", "stay", "right"}}, {}, {},
      1);
  return {.model = model,
          .truth = world,
          .told = world,
          .actions = actions,
          .digest = "0123456789abcdef0123456789abcdef"};
}

/// Samples its frames, of the turning world's shape. Its parameters are away from their start,
/// where it would dream nothing.
inline std::shared_ptr<WorldModel> sampling_model() {
  tiny::Options options;
  options.model = "space_time_transformer";
  options.objective = "flow";
  options.shape = {8, 12, 16, 3, 3};
  auto model = tiny::make(options);
  const torch::NoGradGuard no_grad;
  uint64_t seed = 100;
  for (auto& parameter : model->parameters()) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(++seed);
    parameter.add_(at::randn(parameter.sizes(), generator), 0.1);
  }
  model->eval();
  return model;
}

/// 0, 1, 2 in an order that does not repeat soon.
inline PlayAction nth_choice(int64_t n) { return {static_cast<float>((n * n / 3 + n) % 3)}; }

}  // namespace nextframe
