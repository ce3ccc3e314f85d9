#include <gtest/gtest.h>

#include "tests/model/fake_network.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::FakeNetwork;
using tiny::noise_clip;

/// With these tasks and no others.
class Tasks : public tiny::SetFields {
 public:
  Tasks(std::set<std::string> tasks, int64_t known_frames)
      : SetFields({{"known_frames", known_frames}}), tasks_(std::move(tasks)) {}

 private:
  void visit(const FieldInfo& info, bool& value) override { value = tasks_.contains(info.name); }

  std::set<std::string> tasks_;
};

std::shared_ptr<Objective> clip_flow(const std::set<std::string>& tasks, int64_t known_frames = 3) {
  Tasks fields(tasks, known_frames);
  return ObjectiveRegistry::instance().get("clip_flow", "objective").make(fields);
}

at::Tensor unchanged(const NetworkInput& all) { return all.x_BT; }

const auto kClipDraw = as_tensor({0, 0});

/// How many rows know so many of their first frames, and how many know the last.
std::pair<std::map<int64_t, double>, double> known_of(const at::Tensor& known_BT) {
  std::map<int64_t, double> first;
  for (int64_t row = 0; row < known_BT.size(0); ++row) {
    int64_t count = 0;
    while (known_BT[row][count].item<bool>()) ++count;
    first[count] += 1;
  }
  return {first, known_BT.select(1, -1).sum().item<double>()};
}

TEST(ClipFlow, KnownFramesAreCleanAndTheOthersShareOneLevel) {
  const auto clip = noise_clip(400, 8);
  FakeNetwork network(unchanged);
  clip_flow({"continue"})->loss(network, clip, kClipDraw);
  const auto& seen = network.seen.at(0);
  const auto known_BT = seen.level_BT.eq(1);
  const auto [first, last] = known_of(known_BT);
  EXPECT_EQ(last, 0);
  ASSERT_EQ(first.size(), 3);
  for (const int64_t count : {1, 2, 3}) EXPECT_NEAR(first.at(count), 133, 30) << count;
  EXPECT_TRUE(at::equal(seen.x_BT.masked_select(known_BT.unsqueeze(2).unsqueeze(3)),
                        clip.x_BT.masked_select(known_BT.unsqueeze(2).unsqueeze(3))));
  const auto level_BT = seen.level_BT.slice(1, 3);
  EXPECT_TRUE(at::equal(level_BT, level_BT.slice(1, 0, 1).expand_as(level_BT)));
  EXPECT_NEAR(level_BT.mean().item<double>(), 0.5, 0.05);
}

TEST(ClipFlow, DrawsItsTasksEvenly) {
  const auto clip = noise_clip(600, 8);
  FakeNetwork network(unchanged);
  clip_flow({"generate", "continue", "interpolate"}, 1)->loss(network, clip, kClipDraw);
  const auto [first, last] = known_of(network.seen.at(0).level_BT.eq(1));
  EXPECT_NEAR(first.at(0), 200, 45);  // generate
  EXPECT_NEAR(last, 200, 45);         // interpolate
  EXPECT_EQ(first.at(0) + first.at(1), 600);
}

TEST(ClipFlow, KnownFramesCarryNoLoss) {
  const auto clip = noise_clip(20, 8);
  FakeNetwork off([&](const NetworkInput& all) {
    return clip.x_BT + all.level_BT.eq(1).to(at::kFloat).unsqueeze(2).unsqueeze(3);
  });
  const auto terms = clip_flow({"continue", "interpolate"})->loss(off, clip, kClipDraw);
  EXPECT_EQ(terms.sum.item<double>(), 0);
  const auto level_BT = off.seen.at(0).level_BT;
  const auto weight = (level_BT * 0.9 + 0.1) * level_BT.ne(1);
  EXPECT_NEAR(terms.weight.item<double>(), weight.sum().item<double>() * 8, 1e-3);
}

TEST(ClipFlow, FillsInAClipFromNoiseToTheGuess) {
  const auto clip = noise_clip(2, 6), truth = noise_clip(2, 6);
  FakeNetwork network([&](const NetworkInput&) { return truth.x_BT; });
  const auto known_T = at::tensor({1, 0, 0, 0, 0, 1}).eq(1);
  const auto filled =
      clip_flow({"interpolate"})->fill(network, clip, known_T, {.denoise_steps = 4, .seed = 1});
  EXPECT_TRUE(at::equal(filled.select(1, 0), clip.x_BT.select(1, 0)));
  EXPECT_TRUE(at::equal(filled.select(1, 5), clip.x_BT.select(1, 5)));
  EXPECT_TRUE(at::allclose(filled.slice(1, 1, 5), truth.x_BT.slice(1, 1, 5), 0, 1e-6));
  ASSERT_EQ(network.seen.size(), 4);
  for (int64_t step = 0; step < 4; ++step) {
    const auto level_BT = network.seen[static_cast<size_t>(step)].level_BT;
    const double level = 0.25 * static_cast<double>(step);
    const auto expected_T =
        at::tensor({1.0, level, level, level, level, 1.0}, at::kFloat).expand({2, 6});
    EXPECT_TRUE(at::equal(level_BT, expected_T));
  }
}

std::shared_ptr<WorldModel> whole_clip_model() {
  tiny::Options options;
  options.model = "space_time_transformer";
  options.objective = "clip_flow";
  auto model = tiny::make(options);
  const torch::NoGradGuard no_grad;
  uint64_t seed = 5;
  for (auto& parameter : model->parameters()) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(++seed);
    parameter.add_(at::randn(parameter.sizes(), generator), 0.05);
  }
  return model;
}

TEST(ClipFlow, AFrameInTheMiddleDependsOnTheLastAndOnNoUnknownOne) {
  const auto model = whole_clip_model();
  ASSERT_TRUE(model->can_fill());
  const auto clip = tiny::clips(tiny::Options().shape, 2);
  const auto known_T = at::tensor({1, 0, 0, 0, 0, 1}).eq(1);
  const auto fill = [&](const at::Tensor& frames) {
    return model->fill(frames, known_T, clip.actions_BTA, {.denoise_steps = 3, .seed = 2});
  };
  const auto before = fill(clip.frames_BTHWC);
  auto frames = clip.frames_BTHWC.clone();
  frames.slice(1, 1, 5).bitwise_xor_(0x55);
  EXPECT_TRUE(at::equal(before, fill(frames)));
  frames.select(1, 5).bitwise_xor_(0x55);
  EXPECT_FALSE(at::equal(before.select(1, 2), fill(frames).select(1, 2)));
  EXPECT_TRUE(at::allclose(before.select(1, 0), clip.frames_BTHWC.select(1, 0) / 255.0, 0, 1e-6));
}

TEST(ClipFlow, GuidanceIsRefused) {
  const auto model = whole_clip_model();
  const auto clip = tiny::clips(tiny::Options().shape, 1);
  RolloutOptions options;
  options.guidance = 2;
  EXPECT_THROW(model->rollout(clip.frames_BTHWC, clip.actions_BTA, options), c10::Error);
}

}  // namespace
}  // namespace nextframe
