#include "model/frame_model.h"

#include <gtest/gtest.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

/// Remembers how many frames it was shown, and predicts that nothing moves.
class Still final : public FrameModel {
 public:
  using FrameModel::FrameModel;
  std::vector<int64_t> shown;

 private:
  at::Tensor network(const at::Tensor& x, const at::Tensor& actions, const at::Tensor&) override {
    EXPECT_EQ(x.size(1), actions.size(1));
    shown.push_back(x.size(1));
    return at::zeros_like(x);
  }
};

Still still(const ClipShape& shape = {6, 4, 4, 3, 2}) {
  tiny::SetFields none({});
  return Still({shape, ObjectiveRegistry::instance().get("regress", "objective").make(none)});
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
