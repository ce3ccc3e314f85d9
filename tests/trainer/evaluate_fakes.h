// A world that can be predicted exactly, and models of known quality for it.
#pragma once

#include <vector>

#include "kernels/torch.h"
#include "model/world_model.h"
#include "trainer/evaluate/predictor.h"

namespace nextframe {

/// The frame after frame_HWC: action 0, 1 or 2 (one-hot) turns it by -1, 0 or +1 columns.
inline at::Tensor turned(const at::Tensor& frame_HWC, const at::Tensor& action_A) {
  return frame_HWC.roll(action_A.argmax().item<int64_t>() - 1, 1);
}

inline Episode turning_episode(int64_t episode, int64_t num_frames) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(episode));
  std::vector<at::Tensor> frames = {at::randint(256, {12, 16, 3}, generator, at::kByte)};
  const auto choices_T = at::randint(3, {num_frames}, generator, at::kLong);
  const auto actions_TA = at::one_hot(choices_T, 3).to(at::kFloat);
  for (int64_t t = 1; t < num_frames; ++t) {
    frames.push_back(turned(frames.back(), actions_TA[t - 1]));
  }
  return {at::stack(frames), actions_TA};
}

inline EpisodeSource turning_world(std::vector<int64_t> episode_frames, int64_t clip_frames = 8) {
  EpisodeSource source;
  source.shape = {clip_frames, 12, 16, 3, 3};
  source.fingerprint = "turning";
  source.dataset_episodes = static_cast<int64_t>(episode_frames.size());
  for (const int64_t num_frames : episode_frames)
    source.episodes.push_back({source.num_episodes(), num_frames});
  source.read = [episode_frames](int64_t number, int64_t first, int64_t count) {
    const auto whole = turning_episode(number, episode_frames[static_cast<size_t>(number)]);
    return Episode{whole.frames_THWC.narrow(0, first, count),
                   whole.actions_TA.narrow(0, first, count)};
  };
  source.read_actions = [read = source.read](int64_t number, int64_t first, int64_t count) {
    return read(number, first, count).actions_TA;
  };
  return source;
}

/// A model that is one rule: the next frame from the frame before it (in [0, 1]) and its action.
class RuleModel : public WorldModel {
 public:
  using Rule = std::function<at::Tensor(const at::Tensor& frame_HWC, const at::Tensor& action_A)>;
  explicit RuleModel(Rule rule) : rule_(std::move(rule)) {}

  std::vector<int64_t> sample_ids;  // of the rows that it was given

  LossTerms loss(const Batch&, const at::Tensor&) override { return {}; }

  at::Tensor one_step(const at::Tensor& frames_BTHWC, const at::Tensor& actions_BTA,
                      const RolloutOptions& options) override {
    EXPECT_FALSE(is_training());
    note(options);
    EXPECT_FALSE(at::GradMode::is_enabled());
    const auto frames = frames_BTHWC.to(at::kFloat).div(255.0);
    std::vector<at::Tensor> clips;
    for (int64_t b = 0; b < frames.size(0); ++b) {
      std::vector<at::Tensor> predicted;
      for (int64_t t = 0; t + 1 < frames.size(1); ++t) {
        predicted.push_back(rule_(frames[b][t], actions_BTA[b][t]));
      }
      clips.push_back(at::stack(predicted));
    }
    return at::stack(clips);
  }

  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override {
    note(options);
    const int64_t context = context_BTHWC.size(1);
    std::vector<at::Tensor> clips;
    for (int64_t b = 0; b < context_BTHWC.size(0); ++b) {
      auto frame = context_BTHWC[b][context - 1].to(at::kFloat).div(255.0);
      std::vector<at::Tensor> dreamed;
      for (int64_t t = context - 1; t < actions_BTA.size(1); ++t) {
        dreamed.push_back(frame = rule_(frame, actions_BTA[b][t]));
      }
      clips.push_back(at::stack(dreamed));
    }
    return at::stack(clips);
  }

 private:
  void note(const RolloutOptions& options) {
    const auto& ids_B = options.sample_ids_B;
    for (int64_t b = 0; b < ids_B.size(0); ++b) sample_ids.push_back(ids_B[b].item<int64_t>());
  }

  Rule rule_;
};

inline RuleModel copy_last_model() {
  return RuleModel([](const at::Tensor& frame, const at::Tensor&) { return frame; });
}

inline RuleModel oracle_model() { return RuleModel(turned); }

/// Knows the rule, but is a little too dark: listens to actions and has an error of its own.
inline RuleModel dim_model() {
  return RuleModel([](const at::Tensor& frame, const at::Tensor& action) {
    return turned(frame, action) * 0.9;
  });
}

}  // namespace nextframe
