#include "model/action_form.h"

#include <gtest/gtest.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

ActionForm form_of(const std::string& form, double dropout = 0) {
  ActionForm result;
  result.form = form;
  result.dropout = dropout;
  return result;
}

TEST(ActionForm, WithoutDropoutActionsAreTheDatas) {
  const auto actions = at::rand({2, 5, 3});
  EXPECT_TRUE(at::equal(form_of("add").encode(actions, at::arange(2), as_tensor({0, 0})), actions));
  EXPECT_EQ(form_of("add").width(3), 3);
  EXPECT_EQ(form_of("none").width(3), 0);
  EXPECT_EQ(form_of("none").encode(actions).sizes(), (std::vector<int64_t>{2, 5, 0}));
}

TEST(ActionForm, DropoutHidesClipsAndFramesAndSaysSo) {
  const auto form = form_of("add", 0.25);
  const int64_t rows = 400, frames = 10;
  const auto actions = at::rand({rows, frames, 3}) + 1;
  const auto encoded = form.encode(actions, at::arange(rows), as_tensor({0, 7}));
  ASSERT_EQ(encoded.size(2), form.width(3));
  const auto is_hidden = encoded.select(2, 3).to(at::kBool);
  EXPECT_TRUE(at::equal(encoded.slice(2, 0, 3), actions * is_hidden.logical_not().unsqueeze(2)));
  const auto whole_clips = is_hidden.all(1).to(at::kFloat).mean().item<double>();
  EXPECT_NEAR(whole_clips, 0.25, 0.07);
  const auto share = is_hidden.to(at::kFloat).mean().item<double>();
  EXPECT_NEAR(share, 0.25 + 0.75 * 0.25, 0.05);
  const auto row = form.encode(actions.slice(0, 5, 6), at::arange(5, 6), as_tensor({0, 7}));
  EXPECT_TRUE(at::equal(row[0], encoded[5]));  // keyed by the clip
  EXPECT_FALSE(at::equal(encoded, form.encode(actions, at::arange(rows), as_tensor({0, 8}))));
  EXPECT_EQ(form.encode(actions).select(2, 3).abs().max().item<float>(), 0);  // all told in dreams
  EXPECT_EQ(form.no_action(encoded)[0][0][3].item<float>(), 1);
}

tiny::Options transformer(const ActionForm& form, const std::string& objective) {
  tiny::Options options;
  options.model = "space_time_transformer";
  options.objective = objective;
  options.actions = form;
  return options;
}

std::shared_ptr<WorldModel> moved_from_its_start(const tiny::Options& options) {
  const torch::NoGradGuard no_grad;
  const auto model = tiny::make(options);
  for (auto& parameter : model->parameters()) parameter.add_(at::randn(parameter.sizes()), 0.1);
  return model;
}

TEST(ActionForm, EveryFormIsHeardButNone) {
  for (const char* name : {"token_and_add", "token", "add", "none"}) {
    const auto options = transformer(form_of(name), "regress");
    const auto model = moved_from_its_start(options);
    const auto clip = tiny::clips(options.shape, 2);
    const auto one = model->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
    const auto other = model->one_step(clip.frames_BTHWC, -clip.actions_BTA, {});
    EXPECT_EQ(at::equal(one, other), std::string(name) == "none") << name;
  }
}

TEST(ActionForm, GuidanceGoesOnAlongTheLineFromUntoldToTold) {
  for (const char* objective : {"regress", "flow"}) {
    const auto options = transformer(form_of("token_and_add", 0.1), objective);
    const auto model = moved_from_its_start(options);
    const auto clip = tiny::clips(options.shape, 2);
    const auto context = clip.frames_BTHWC.slice(1, 0, 3);
    const auto dream = [&](double guidance, const at::Tensor& actions, bool use_cache = true) {
      RolloutOptions rollout{1, 5};
      rollout.guidance = guidance;
      rollout.use_cache = use_cache;
      return model->rollout(context, actions.slice(1, 0, 3), rollout);
    };
    const auto other = clip.actions_BTA * 0.1;
    // Without guidance's weight the action that leads to the frame is not heard.
    auto last_changed = clip.actions_BTA.clone();
    last_changed.select(1, 2).neg_();
    EXPECT_TRUE(at::equal(dream(0, clip.actions_BTA), dream(0, last_changed))) << objective;
    EXPECT_FALSE(at::equal(dream(1, clip.actions_BTA), dream(1, last_changed))) << objective;
    const auto none = dream(0, clip.actions_BTA), told = dream(1, clip.actions_BTA),
               strong = dream(1.5, clip.actions_BTA);
    const auto is_inside = strong.gt(1e-3)
                               .logical_and(strong.lt(1 - 1e-3))
                               .logical_and(told.gt(1e-3))
                               .logical_and(told.lt(1 - 1e-3))
                               .logical_and(none.gt(1e-3))
                               .logical_and(none.lt(1 - 1e-3));
    ASSERT_GT(is_inside.sum().item<int64_t>(), 100) << objective;
    const auto expected = none + 1.5 * (told - none);
    EXPECT_LT(((strong - expected) * is_inside).abs().max().item<float>(), 1e-4) << objective;
    EXPECT_TRUE(at::allclose(strong, dream(1.5, clip.actions_BTA, false), 0, 1e-5)) << objective;
  }
}

TEST(ActionForm, GuidanceOfNoActionsChangesNothing) {
  auto options = transformer(form_of("token_and_add", 0.1), "regress");
  options.shape.action_width = 0;
  const auto model = moved_from_its_start(options);
  const auto clip = tiny::clips(options.shape, 2);
  RolloutOptions guided;
  guided.guidance = 2;
  EXPECT_TRUE(at::equal(model->rollout(clip.frames_BTHWC, clip.actions_BTA, guided),
                        model->rollout(clip.frames_BTHWC, clip.actions_BTA, {})));
}

TEST(ActionForm, GuidanceNeedsAModelThatKnowsUntoldActions) {
  const auto options = transformer(form_of("add"), "regress");
  const auto model = tiny::make(options);
  const auto clip = tiny::clips(options.shape, 2);
  RolloutOptions rollout;
  rollout.guidance = 2;
  EXPECT_THROW(model->rollout(clip.frames_BTHWC, clip.actions_BTA, rollout), c10::Error);
}

}  // namespace
}  // namespace nextframe
