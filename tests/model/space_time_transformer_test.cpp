#include <gtest/gtest.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using Fields = std::map<std::string, int64_t>;

std::vector<std::string> problems(const std::string& model, const Fields& values) {
  std::vector<std::string> found;
  tiny::SetFields fields(values);
  ModelRegistry::instance()
      .get(model, "model")
      .visit(fields, [&](const std::string& field, const std::string& problem) {
        found.push_back("model." + field + " " + problem);
      });
  for (const auto& name : fields.out_of_range)
    found.push_back("model." + name + " is out of range");
  return found;
}

std::vector<std::string> problems(const Fields& values) {
  return problems("space_time_transformer", values);
}

TEST(SpaceTimeConfig, SaysWhichHeadsAreNearest) {
  EXPECT_EQ(problems(Fields{{"dim", 512}, {"heads", 7}}),
            std::vector<std::string>{"model.heads does not divide model.dim = 512; nearest: 8"});
  EXPECT_EQ(problems(Fields{{"dim", 96}, {"heads", 48}}),
            std::vector<std::string>{
                "model.heads leaves a head 2 values, not a multiple of 4; nearest: 24"});
}

TEST(SpaceTimeConfig, NamesEveryProblemAtOnce) {
  EXPECT_EQ(problems(Fields{}), std::vector<std::string>{});
  EXPECT_EQ(
      problems(Fields{{"dim", 30}, {"layers", 0}, {"patch_px", -1}, {"temporal_every", 0}}).size(),
      4u);
  EXPECT_EQ(problems(Fields{{"layers", 2}, {"temporal_every", 3}}),
            std::vector<std::string>{"model.temporal_every is more than model.layers = 2: no "
                                     "block would attend over time; nearest: 2"});
}

tiny::Options transformer() {
  tiny::Options options;
  options.model = "space_time_transformer";
  return options;
}

TEST(SpaceTimeTransformer, RefusesAPatchThatDoesNotDivideTheFrame) {
  auto options = transformer();
  options.fields["patch_px"] = 5;
  try {
    tiny::make(options);
    FAIL();
  } catch (const c10::Error& error) {
    EXPECT_STREQ(error.what_without_backtrace(),
                 "model.patch_px = 5 must divide the frame size 16x16; nearest: 4 and 8");
  }
}

TEST(SpaceTimeTransformer, StartsByCopyingTheLastFrame) {
  const auto options = transformer();
  const auto clip = tiny::clips(options.shape, 1);
  const auto guess = tiny::make(options)->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
  EXPECT_TRUE(at::allclose(guess, clip.frames_BTHWC.slice(1, 0, -1) / 255.0, 0, 1e-6));
}

/// Runs a block twice, as recompute does.
class Twice : public BlockRunner {
 public:
  at::Tensor run(int64_t index, const Block& block, const at::Tensor& hidden) override {
    indices.push_back(index);
    blocks.push_back(block);
    const auto first = block(hidden.detach());
    const auto second = block(hidden);
    EXPECT_TRUE(at::equal(first, second));
    return second;
  }

  std::vector<int64_t> indices;
  std::vector<Block> blocks;
};

TEST(SpaceTimeTransformer, LetsARunnerRepeatItsBlocks) {
  const auto options = transformer();
  const auto clip = tiny::clips(options.shape, 1);
  const auto model = tiny::make(options);
  const auto plain = model->loss(clip, as_tensor({1, 1})).sum;
  const auto runner = std::make_shared<Twice>();
  ASSERT_TRUE(model->run_blocks_with(runner));
  EXPECT_TRUE(at::equal(model->loss(clip, as_tensor({1, 1})).sum, plain));
  EXPECT_EQ(runner->indices, (std::vector<int64_t>{0, 1}));
  for (const auto index : runner->indices) {
    const auto name = c10::str("blocks.", index);
    EXPECT_TRUE(model->named_modules().contains(name)) << name;
    EXPECT_FALSE(model->named_modules()[name]->parameters().empty());
  }
  const int64_t tokens = 1 + 16 + 1;                                 // action, patches, register
  EXPECT_NO_THROW(runner->blocks[1](at::ones({1, 5, tokens, 64})));  // after the forward is over
}

/// A model that has left its start, where its head is zero.
std::shared_ptr<WorldModel> moved(const tiny::Options& options) {
  const torch::NoGradGuard no_grad;
  const auto model = tiny::make(options);
  for (auto& parameter : model->parameters()) {
    parameter.add_(at::randn(parameter.sizes(), at::make_generator<at::CPUGeneratorImpl>(5)), 0.05);
  }
  return model;
}

TEST(SpaceTimeTransformer, DreamsFromMemoryAsFromTheFramesThemselves) {
  const auto options = transformer();
  const auto model = moved(options);
  const auto clip = tiny::clips(options.shape, 2);
  for (const int64_t context : {1, 2, 4}) {  // the last frame is the sixth: five are looked at
    const auto frames = clip.frames_BTHWC.slice(1, 0, context);
    const auto actions = clip.actions_BTA.slice(1, 0, 5);
    RolloutOptions again;
    again.use_cache = false;
    const auto expected = model->rollout(frames, actions, again);
    const auto dreamed = model->rollout(frames, actions, {});
    EXPECT_EQ(dreamed.size(1), 6 - context);
    EXPECT_LT((dreamed - expected).abs().max().item<float>(), 1e-5) << context;
    EXPECT_GT((dreamed.select(1, 0) - dreamed.select(1, -1)).abs().max().item<float>(), 1e-3);
  }
}

TEST(SpaceTimeTransformer, AttendsToItsWindowOnly) {
  auto options = transformer();
  options.fields["layers"] = 1;
  options.fields["window_frames"] = 3;
  const auto model = moved(options);
  const auto clip = tiny::clips(options.shape, 1);
  const auto guess = model->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
  auto frames = clip.frames_BTHWC.clone();
  frames.select(1, 0).bitwise_xor_(0x55);
  const auto same = model->one_step(frames, clip.actions_BTA, {}) == guess;
  // Frame 0 is in the windows of frames 0, 1, 2, and in what frame 1 shows of changes, which is in
  // that of frame 3; frame 4 leads to frame 5.
  for (int64_t t = 0; t < 4; ++t) EXPECT_FALSE(same.select(1, t).all().item<bool>()) << t;
  EXPECT_TRUE(same.select(1, 4).all().item<bool>());

  options.fields["layers"] = 3;
  const auto deep = moved(options);
  const auto actions = clip.actions_BTA.slice(1, 0, 5);
  for (const int64_t context : {1, 2, 4, 5}) {
    RolloutOptions again;
    again.use_cache = false;
    const auto known = clip.frames_BTHWC.slice(1, 0, context);
    EXPECT_TRUE(at::allclose(deep->rollout(known, actions, {}),
                             deep->rollout(known, actions, again), 0, 1e-5))
        << context;
  }
}

TEST(SpaceTimeTransformer, DreamsOnBeyondItsWindowFromMemory) {
  const auto options = transformer();
  const auto model = moved(options);
  const auto clip = tiny::clips(options.shape, 1);
  const auto actions = at::zeros({1, 40, options.shape.action_width});
  const auto dreamed = model->rollout(clip.frames_BTHWC, actions, {});
  EXPECT_EQ(dreamed.size(1), 40 - options.shape.clip_frames + 1);
  EXPECT_TRUE(dreamed.isfinite().all().item<bool>());
  // The action taken at frame 8 leads to frame 9, the fourth that is dreamed.
  auto other = actions.clone();
  other.select(1, 8).fill_(1);
  const auto same = model->rollout(clip.frames_BTHWC, other, {}) == dreamed;
  EXPECT_TRUE(same.slice(1, 0, 3).all().item<bool>());
  EXPECT_FALSE(same.select(1, 3).all().item<bool>());
}

TEST(ZooConfigs, NameTheirProblems) {
  EXPECT_EQ(problems("frame_mlp", Fields{{"dim", 0}}).size(), 1u);
  EXPECT_EQ(problems("conv_recurrent", Fields{{"dim", 0}, {"patch_px", 0}, {"halo_px", -1}}).size(),
            3u);
}

}  // namespace
}  // namespace nextframe
