#include "model/frame_model.h"

#include <gtest/gtest.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using Rule = std::function<at::Tensor(const at::Tensor& x_BTHWC)>;

/// Remembers how many frames it was shown, and follows a rule.
class Simple final : public FrameModel {
 public:
  Simple(const ModelInputs& inputs, Rule rule) : FrameModel(inputs), rule_(std::move(rule)) {}
  std::vector<int64_t> shown;

 private:
  NetworkOutput run(const NetworkInput& input, FrameCache*, bool) override {
    EXPECT_EQ(input.x_BT.size(1), input.actions_BTA.size(1));
    shown.push_back(input.x_BT.size(1));
    return {rule_(input.x_BT)};
  }

  Rule rule_;
};

Simple make(const std::string& objective, const ClipShape& shape, Rule rule) {
  tiny::SetFields none({});
  return Simple({shape, ObjectiveRegistry::instance().get(objective, "objective").make(none)},
                std::move(rule));
}

/// Predicts that nothing moves.
Simple still(const ClipShape& shape = {6, 4, 4, 3, 2}) {
  return make("regress", shape, [](const at::Tensor& x) { return at::zeros_like(x); });
}

/// Samples around the mean of what it was shown.
Simple sampling() {
  return make("flow", {6, 4, 4, 3, 2}, [](const at::Tensor& x) {
    const auto num_frames = at::arange(1, x.size(1) + 1).view({1, -1, 1, 1, 1});
    return x * 0.5 + x.cumsum(1) / num_frames * 0.5;
  });
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "no error";
}

TEST(FrameModel, DreamsFromAtMostAClipLessOneFrame) {
  auto model = still();
  const auto frames = at::randint(0, 256, {1, 2, 4, 4, 3}, at::kByte);
  const auto dream = model.rollout(frames, at::ones({1, 8, 2}), {});
  EXPECT_EQ(model.shown, (std::vector<int64_t>{2, 3, 4, 5, 5, 5, 5}));
  EXPECT_TRUE(at::allclose(dream.select(1, 6), frames.select(1, 1) / 255.0, 0, 1e-6));
}

TEST(FrameModel, PredictsLongEpisodesFromAtLeastHalfAClip) {
  auto model = still();
  const auto frames = at::randint(0, 256, {1, 13, 4, 4, 3}, at::kByte);
  const auto guess = model.one_step(frames, at::ones({1, 13, 2}), {});
  EXPECT_TRUE(at::allclose(guess, frames.slice(1, 0, 12) / 255.0, 0, 1e-6));
  EXPECT_EQ(model.shown, (std::vector<int64_t>{5, 5, 5, 5}));
}

TEST(FrameModel, PredictsEveryFrameOfAnyEpisodeOnceFromHalfAClip) {
  for (int64_t clip_frames = 2; clip_frames <= 9; ++clip_frames) {
    for (int64_t num_frames = 2; num_frames <= 30; ++num_frames) {
      auto model = make("flow", {clip_frames, 1, 1, 1, 0}, [](const at::Tensor& x) { return x; });
      const auto frames = at::zeros({1, num_frames, 1, 1, 1}, at::kByte);
      const auto guess = model.one_step(frames, at::empty({1, num_frames, 0}), {1, 0});
      ASSERT_EQ(guess.size(1), num_frames - 1);
      // None in vain: for each frame the ones before are shown, then the frame itself.
      ASSERT_EQ(model.shown.size(), static_cast<size_t>(2 * (num_frames - 1)));
      for (int64_t frame = 1; frame < num_frames; ++frame) {
        const int64_t known = model.shown[static_cast<size_t>(2 * frame - 1)] - 1;
        ASSERT_EQ(model.shown[static_cast<size_t>(2 * frame - 2)], known);
        ASSERT_GE(known, frame < clip_frames ? frame : clip_frames / 2);
        ASSERT_LT(known, clip_frames);
      }
    }
  }
}

TEST(FrameModel, AnEpisodeIsPredictedTheSameAloneAndInABatch) {
  auto model = sampling();
  const auto frames = at::randint(0, 256, {1, 9, 4, 4, 3}, at::kByte).repeat({4, 1, 1, 1, 1});
  const auto actions = at::ones({4, 9, 2});
  const RolloutOptions batch{2, 7, at::tensor({8, 0, 5, 3}, at::kLong)};
  const RolloutOptions alone{2, 7, at::tensor({3}, at::kLong)};
  const auto guess = model.one_step(frames, actions, batch);
  EXPECT_TRUE(
      at::equal(guess.slice(0, 3), model.one_step(frames.slice(0, 3), actions.slice(0, 3), alone)));
  EXPECT_FALSE(at::equal(guess[0], guess[3]));
  const auto context = frames.slice(1, 0, 2);
  const auto dream = model.rollout(context, actions, batch);
  EXPECT_TRUE(
      at::equal(dream.slice(0, 3), model.rollout(context.slice(0, 3), actions.slice(0, 3), alone)));
  EXPECT_FALSE(at::equal(dream[0], dream[3]));
}

TEST(FrameModel, AClipCutFromAnEpisodeDrawsTheNoiseOfItsOwnFrames) {
  auto model = make("flow", {6, 4, 4, 3, 2}, [](const at::Tensor& x) { return x; });  // all noise
  const auto frames = at::randint(0, 256, {1, 15, 4, 4, 3}, at::kByte);
  const auto actions = at::ones({1, 15, 2});
  const auto whole = model.one_step(frames, actions, {1, 7});
  const auto cut = [&](int64_t first_frame) -> RolloutOptions { return {1, 7, {}, first_frame}; };
  const auto late = model.one_step(frames.slice(1, 4), actions.slice(1, 4), cut(4));
  EXPECT_TRUE(at::equal(late, whole.slice(1, 4)));
  EXPECT_FALSE(at::equal(late, model.one_step(frames.slice(1, 4), actions.slice(1, 4), cut(0))));
  const auto dream = model.rollout(frames.slice(1, 4, 6), actions.slice(1, 4), cut(4));
  EXPECT_TRUE(at::equal(dream.slice(1, 0, 9), whole.slice(1, 5)));
}

TEST(FrameModel, NamesFramesAndActionsThatDoNotFit) {
  auto model = still();
  EXPECT_EQ(error_of([&] {
              model.one_step(at::zeros({1, 3, 4, 8, 3}, at::kByte), at::ones({1, 3, 2}), {});
            }),
            "model: frames must be [B, T, 4, 4, 3], got [1, 3, 4, 8, 3]");
  EXPECT_EQ(error_of([&] {
              model.one_step(at::zeros({1, 3, 4, 4, 3}, at::kByte), at::ones({1, 3, 5}), {});
            }),
            "model: actions must be [1, 3, 2], got [1, 3, 5]");
  EXPECT_EQ(error_of([&] {
              model.rollout(at::zeros({1, 3, 4, 4, 3}, at::kByte), at::ones({1, 2, 2}), {});
            }),
            "rollout: 3 context frames need at least as many actions, got 2");
  EXPECT_EQ(error_of([] { still({6, 4, 4, 2, 0}); }), "model: frames need 1 or 3 channels, got 2");
  EXPECT_EQ(error_of([] {
              still({1, 4, 4, 3, 0});
            }),
            "model: clips of 2 frames or more are needed, got 1");
}

}  // namespace
}  // namespace nextframe
