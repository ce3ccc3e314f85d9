// What every registered model must do under every registered objective that it offers enough for.
#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::clips;

class EveryModel
    : public testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {
 protected:
  /// "model/variant": a variant is a text field of the model, "attention=frame_causal".
  static tiny::Options options() {
    tiny::Options result;
    std::tie(result.model, result.objective, result.tokenizer) = GetParam();
    if (const auto slash = result.model.find('/'); slash != std::string::npos) {
      const auto variant = result.model.substr(slash + 1),
                 field = variant.substr(0, variant.find('='));
      result.texts[field] = variant.substr(field.size() + 1);
      result.model.resize(slash);
    }
    return result;
  }
  static int64_t least_clips() { return tiny::make_objective(options().objective)->least_clips(); }
  static Batch batch(int64_t num_clips = 2) {
    return clips(options().shape, std::max(num_clips, least_clips()));
  }
  /// Enough for a small change to show: of codes many frames stay as they are.
  static Batch batch_that_shows_changes() {
    const auto frames = tiny::make_objective(options().objective)->frames();
    return batch(frames.contains(Trait::codes) ? 24 : 1);
  }
  static bool is_sampling() { return tiny::make_objective(options().objective)->is_sampling(); }
};

/// A zero-initialised head passes no gradient on: models are compared after leaving their start.
void disturb(WorldModel& model, double amount = 0.05) {
  const torch::NoGradGuard no_grad;
  uint64_t seed = 100;
  for (auto& parameter : model.parameters()) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(++seed);
    parameter.add_(at::randn(parameter.sizes(), generator), amount);
  }
}

double value(const LossTerms& terms) { return terms.sum.item<double>(); }

TEST_P(EveryModel, GivesEveryParameterAGradient) {
  const auto model = tiny::make(options());
  disturb(*model);
  const auto terms = model->loss(batch(), as_tensor({7, 0}));
  EXPECT_TRUE(std::isfinite(value(terms)));
  EXPECT_EQ(terms.sum.scalar_type(), at::kFloat);
  EXPECT_GT(terms.weight.item<double>(), 0);
  terms.sum.backward();
  ASSERT_FALSE(model->parameters().empty());
  for (const auto& item : model->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0) << item.key();
  }
}

TEST_P(EveryModel, OverfitsOneBatch) {
  const auto model = tiny::make(options());
  torch::optim::Adam optimizer(model->parameters(), torch::optim::AdamOptions(4e-3));
  const auto clip = batch(1);
  double first = 0, last = 0;
  for (int step = 0; step < 120; ++step) {
    const auto terms = model->loss(clip, as_tensor({7, 0}));  // the same noise each time
    last = value(terms) / terms.weight.item<double>();
    if (step == 0) first = last;
    optimizer.zero_grad();
    (terms.sum / terms.weight).backward();
    optimizer.step();
  }
  EXPECT_LT(last, first / 5);
}

TEST_P(EveryModel, PredictsNoFrameFromItself) {
  const auto model = tiny::make(options());
  disturb(*model);
  const auto clip = batch_that_shows_changes();
  const auto before = model->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
  for (int64_t t = 1; t < options().shape.clip_frames; ++t) {
    auto frames = clip.frames_BTHWC.clone(), actions = clip.actions_BTA.clone();
    frames.select(1, t).bitwise_xor_(0x55);
    actions.select(1, t).neg_();
    const auto after = model->one_step(frames, actions, {});
    EXPECT_TRUE(at::equal(before.slice(1, 0, t), after.slice(1, 0, t))) << t;
    if (t + 1 < options().shape.clip_frames) {
      EXPECT_FALSE(at::equal(before.select(1, t), after.select(1, t))) << t;
    }
  }
}

TEST_P(EveryModel, SeesTheActionThatLeadsToAFrame) {
  const auto model = tiny::make(options());
  disturb(*model, 0.2);  // enough to show in codes
  const auto clip = batch_that_shows_changes();
  auto actions = clip.actions_BTA.clone();
  actions.select(1, 2).mul_(-10);
  const auto before = model->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
  const auto after = model->one_step(clip.frames_BTHWC, actions, {});
  EXPECT_TRUE(at::equal(before.slice(1, 0, 2), after.slice(1, 0, 2)));  // frames 1, 2
  EXPECT_FALSE(at::equal(before.select(1, 2), after.select(1, 2)));     // frame 3
}

TEST_P(EveryModel, UsesActionsOfEveryKind) {
  using Kind = tiny::ActionKind;
  auto wide = options();
  wide.shape.action_width = 3;
  const auto model = tiny::make(wide);
  disturb(*model, 0.3);  // enough to show in codes
  auto clip =
      clips(wide.shape, std::max(batch_that_shows_changes().frames_BTHWC.size(0), least_clips()));
  for (const auto kind : {Kind::choice, Kind::numbers, Kind::buttons}) {
    clip.actions_BTA = tiny::actions_of(kind, wide.shape, clip.frames_BTHWC.size(0));
    auto actions = clip.actions_BTA.clone();
    actions.select(1, 2).copy_(tiny::next_action(kind, actions.select(1, 2)));
    const auto before = model->one_step(clip.frames_BTHWC, clip.actions_BTA, {});
    const auto after = model->one_step(clip.frames_BTHWC, actions, {});
    EXPECT_TRUE(before.isfinite().all().item<bool>());
    EXPECT_TRUE(at::equal(before.slice(1, 0, 2), after.slice(1, 0, 2))) << static_cast<int>(kind);
    EXPECT_FALSE(at::equal(before.select(1, 2), after.select(1, 2))) << static_cast<int>(kind);
    const double loss = value(model->loss(clip, as_tensor({7, 0})));
    clip.actions_BTA = actions;
    EXPECT_TRUE(std::isfinite(loss));
    EXPECT_NE(loss, value(model->loss(clip, as_tensor({7, 0})))) << static_cast<int>(kind);
  }
}

TEST_P(EveryModel, DreamsOneFrameAsOneStepPredictsIt) {
  const auto model = tiny::make(options());
  disturb(*model);
  const auto clip = batch();
  const int64_t last = options().shape.clip_frames - 1;
  const auto guess = model->one_step(clip.frames_BTHWC, clip.actions_BTA, {4, 5});
  const auto dream = model->rollout(clip.frames_BTHWC.slice(1, 0, last),
                                    clip.actions_BTA.slice(1, 0, last), {4, 5});
  EXPECT_EQ(dream.size(1), 1);
  EXPECT_TRUE(at::allclose(dream.select(1, 0), guess.select(1, -1), 0, 1e-5));
}

TEST_P(EveryModel, DreamsFromACacheAsFromTheFramesThemselves) {
  const torch::NoGradGuard no_grad;
  const auto model = tiny::make(options());
  disturb(*model);
  const auto clip = batch();
  const auto actions = clip.actions_BTA.slice(1, 0, options().shape.clip_frames - 1);
  for (const int64_t context : {1, 3}) {
    const auto frames = clip.frames_BTHWC.slice(1, 0, context);
    RolloutOptions with{4, 5}, without{4, 5};
    without.use_cache = false;
    EXPECT_TRUE(at::allclose(model->rollout(frames, actions, with),
                             model->rollout(frames, actions, without), 0, 1e-5));
  }
  RolloutOptions with{4, 5}, without{4, 5};
  without.use_cache = false;
  EXPECT_TRUE(at::allclose(model->one_step(clip.frames_BTHWC, clip.actions_BTA, with),
                           model->one_step(clip.frames_BTHWC, clip.actions_BTA, without), 0, 1e-5));
}

TEST_P(EveryModel, DreamsFrameByFrameWhatItDreamsAtOnce) {
  const auto model = tiny::make(options());
  disturb(*model, 0.2);
  if (model->can_fill()) {  // it dreams several frames at once
    const auto clip = batch();
    EXPECT_EQ(model->begin_rollout(clip.frames_BTHWC, clip.actions_BTA.slice(1, 1), {}), nullptr);
    return;
  }
  const auto clip = batch();
  const int64_t num_actions = options().shape.clip_frames + 3, rows = clip.frames_BTHWC.size(0);
  const auto actions = at::sin(at::arange(rows * num_actions * options().shape.action_width))
                           .view({rows, num_actions, -1});
  for (const int64_t context : {1, 3}) {
    const auto frames = clip.frames_BTHWC.slice(1, 0, context);
    const auto dream = model->rollout(frames, actions, {2, 5});
    const auto live = model->begin_rollout(frames, actions.slice(1, 0, context - 1), {2, 5});
    const auto told = [&](int64_t step) { return actions.select(1, context - 1 + step); };
    for (int64_t step = 0; step < dream.size(1); ++step) {
      if (step == 2) {  // what another one dreams, over a whole window, does not show in this one
        const auto other = live->clone();
        for (int64_t t = 0; t < options().shape.clip_frames; ++t) other->step(-told(step));
      }
      const auto frame = step == 4 ? live->clone()->step(told(step)) : at::Tensor();
      const auto next = live->step(told(step));
      EXPECT_TRUE(at::allclose(next, dream.select(1, step), 0, 1e-5)) << step;
      if (frame.defined()) {
        EXPECT_TRUE(at::equal(frame, next));
      }
    }
  }
}

TEST_P(EveryModel, DreamsBeyondAClipInTheUnitRangeAndRepeatably) {
  const auto model = tiny::make(options());
  disturb(*model);
  const auto clip = batch();
  const int64_t num_actions = 2 * options().shape.clip_frames, rows = clip.frames_BTHWC.size(0);
  const auto actions = at::ones({rows, num_actions, options().shape.action_width});
  const auto dream = model->rollout(clip.frames_BTHWC.slice(1, 0, 2), actions, {2, 5});
  EXPECT_EQ(dream.sizes(), (std::vector<int64_t>{rows, num_actions - 1, 16, 16, 3}));
  EXPECT_GE(dream.min().item<float>(), 0);
  EXPECT_LE(dream.max().item<float>(), 1);
  EXPECT_TRUE(at::equal(dream, model->rollout(clip.frames_BTHWC.slice(1, 0, 2), actions, {2, 5})));
  EXPECT_EQ(at::equal(dream, model->rollout(clip.frames_BTHWC.slice(1, 0, 2), actions, {2, 6})),
            !is_sampling());
}

TEST_P(EveryModel, PredictsLongEpisodesInWindows) {
  const auto model = tiny::make(options());
  disturb(*model);
  auto shape = options().shape;
  shape.clip_frames = 15;
  const auto episode = clips(shape, 1);
  const auto guess = model->one_step(episode.frames_BTHWC, episode.actions_BTA, {});
  ASSERT_EQ(guess.size(1), 14);
  const auto start =
      model->one_step(episode.frames_BTHWC.slice(1, 0, 6), episode.actions_BTA.slice(1, 0, 6), {});
  EXPECT_TRUE(at::allclose(guess.slice(1, 0, 5), start, 0, 1e-6));
  const auto end =
      model->rollout(episode.frames_BTHWC.slice(1, 9, 14), episode.actions_BTA.slice(1, 9, 14), {});
  if (!is_sampling()) {  // whose noise is keyed by the number of the frame
    EXPECT_TRUE(at::allclose(guess.select(1, -1), end.select(1, 0), 0, 1e-5));
  }
}

TEST_P(EveryModel, TellsWhatItsLayersHoldOfTheFramesSoFar) {
  const auto model = tiny::make(options());
  disturb(*model);
  if (model->can_fill()) {
    const auto clip = batch();
    EXPECT_TRUE(model->hidden_states(clip.frames_BTHWC, clip.actions_BTA, {}).empty());
    return;
  }
  const int64_t num_frames = options().shape.clip_frames - 1;
  const auto clip = batch_that_shows_changes();
  const auto rows = clip.frames_BTHWC.size(0);
  const auto states = [&](const at::Tensor& frames, const at::Tensor& actions) {
    return model->hidden_states(frames.slice(1, 0, num_frames), actions.slice(1, 0, num_frames),
                                {4, 5});
  };
  const auto before = states(clip.frames_BTHWC, clip.actions_BTA);
  ASSERT_FALSE(before.empty());
  auto frames = clip.frames_BTHWC.clone();
  frames.select(1, 2).bitwise_xor_(0x55);
  const auto after = states(frames, clip.actions_BTA);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    const auto &one = before[i].states_BTND, &other = after[i].states_BTND;
    EXPECT_EQ(before[i].name, after[i].name);
    ASSERT_EQ(one.dim(), 4) << before[i].name;
    EXPECT_EQ(one.sizes().slice(0, 2), at::IntArrayRef({rows, num_frames})) << before[i].name;
    EXPECT_EQ(one.scalar_type(), at::kFloat);
    EXPECT_FALSE(one.requires_grad());
    EXPECT_TRUE(at::equal(one.slice(1, 0, 2), other.slice(1, 0, 2))) << before[i].name;
    EXPECT_FALSE(at::equal(one.select(1, 2), other.select(1, 2))) << before[i].name;
  }
  const auto &one = before.back().states_BTND, &other = after.back().states_BTND;
  EXPECT_FALSE(at::equal(one.select(1, 3), other.select(1, 3)));  // it remembers frame 2
}

TEST_P(EveryModel, LosesOnTwoClipsTheSumOfEach) {
  const auto model = tiny::make(options());
  disturb(*model);
  const auto both = batch();
  if (least_clips() >
      1) {  // clips have roles, by their places: those of one role may change places
    auto order = at::arange(least_clips());
    order[0] = 1;
    order[1] = 0;
    const auto swapped = both.map([&](const at::Tensor& t) { return t.index_select(0, order); });
    const double loss = value(model->loss(both, as_tensor({7, 3})));
    EXPECT_NEAR(value(model->loss(swapped, as_tensor({7, 3}))), loss, 1e-5 * loss);
    return;
  }
  const auto together = model->loss(both, as_tensor({7, 3}));
  const auto left = model->loss(tiny::rows(both, 0, 1), as_tensor({7, 3}));
  const auto right = model->loss(tiny::rows(both, 1, 2), as_tensor({7, 3}));
  EXPECT_NEAR(value(together), value(left) + value(right), 1e-5 * value(together));
  const auto weight = [](const LossTerms& terms) { return terms.weight.item<double>(); };
  EXPECT_NEAR(weight(together), weight(left) + weight(right), 1e-5 * weight(together));
  for (const auto& [name, sum] : together.sums) {
    const double total = sum.item<double>();
    EXPECT_NEAR(total, left.sums.at(name).item<double>() + right.sums.at(name).item<double>(),
                1e-5 * total)
        << name;
  }
}

TEST_P(EveryModel, GivesTheSameBitsForTheSameSeed) {
  const auto one = tiny::make(options()), other = tiny::make(options());
  for (const auto& model : {one, other}) model->loss(batch(), as_tensor({7, 3})).sum.backward();
  const auto parameters = one->named_parameters();
  for (const auto& item : other->named_parameters()) {
    EXPECT_TRUE(at::equal(parameters[item.key()], item.value())) << item.key();
    EXPECT_TRUE(at::equal(parameters[item.key()].grad(), item.value().grad())) << item.key();
  }
  auto reseeded = options();
  reseeded.seed += 1;
  const auto same = [&](const at::Tensor& a, const at::Tensor& b) { return at::equal(a, b); };
  EXPECT_FALSE(std::ranges::equal(one->parameters(), tiny::make(reseeded)->parameters(), same));
}

TEST_P(EveryModel, DrawsNoTwoParametersAlike) {
  const auto model = tiny::make(options());
  const auto parameters = model->named_parameters();
  for (const auto& a : parameters) {
    for (const auto& b : parameters) {
      if (a.key() == b.key() || a.value().sizes() != b.value().sizes()) continue;
      if (at::equal(a.value(), a.value().flatten()[0].expand_as(a.value()))) continue;  // constant
      EXPECT_FALSE(at::equal(a.value(), b.value())) << a.key() << " and " << b.key();
    }
  }
}

TEST_P(EveryModel, AgreesInBf16WithFloat32) {
  auto rounded = options();
  rounded.bf16 = true;
  const auto exact_model = tiny::make(options()), rounded_model = tiny::make(rounded);
  disturb(*exact_model);
  disturb(*rounded_model);
  const auto exact = exact_model->loss(batch(), as_tensor({7, 0})),
             close = rounded_model->loss(batch(), as_tensor({7, 0}));
  EXPECT_NE(value(exact), value(close));
  EXPECT_NEAR(value(close) / value(exact), 1, 0.02);
  exact.sum.backward();
  close.sum.backward();
  std::vector<at::Tensor> exact_grads, close_grads;
  for (const auto& p : exact_model->parameters()) exact_grads.push_back(p.grad().flatten());
  for (const auto& p : rounded_model->parameters()) close_grads.push_back(p.grad().flatten());
  EXPECT_GT(at::cosine_similarity(at::cat(exact_grads), at::cat(close_grads), 0).item<float>(),
            0.99);
}

TEST_P(EveryModel, IgnoresFramesThatAreMaskedOut) {
  const auto model = tiny::make(options());
  disturb(*model);
  auto clip = batch_that_shows_changes();
  clip.mask_BT.slice(1, 4).fill_(false);
  const auto before = model->loss(clip, as_tensor({7, 0}));
  clip.frames_BTHWC.slice(1, 4).fill_(9);
  const auto after = model->loss(clip, as_tensor({7, 0}));
  EXPECT_EQ(value(before), value(after));
  EXPECT_TRUE(at::equal(before.weight, after.weight));
  clip.frames_BTHWC.slice(1, 3).fill_(9);
  EXPECT_NE(value(before), value(model->loss(clip, as_tensor({7, 0}))));
}

TEST_P(EveryModel, TakesGreyWideFramesWithoutActions) {
  auto other = options();
  other.shape = {4, 8, 24, 1, 0};
  const auto model = tiny::make(other);
  const auto terms =
      model->loss(clips(other.shape, std::max<int64_t>(2, least_clips())), as_tensor({7, 0}));
  EXPECT_TRUE(std::isfinite(value(terms)));
  terms.sum.backward();
  const auto clip = clips(other.shape, 2);
  const auto dream = model->rollout(clip.frames_BTHWC, at::empty({2, 6, 0}), {});
  EXPECT_EQ(dream.sizes(), (std::vector<int64_t>{2, 3, 8, 24, 1}));
}

std::string test_name(const testing::TestParamInfo<EveryModel::ParamType>& info) {
  auto name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  if (std::get<2>(info.param) != "pixels") name += "_" + std::get<2>(info.param);
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == '='; }, '_');
  return name;
}

std::vector<EveryModel::ParamType> triples_and_variants() {
  auto triples = tiny::legal_triples();
  for (const auto& objective : ObjectiveRegistry::instance().names()) {
    tiny::Options options;
    options.objective = objective;
    const auto asks = tiny::make_objective(objective)->asks();
    if (asks.contains(Trait::code_order) || asks.contains(Trait::whole_clip)) continue;
    triples.emplace_back("space_time_transformer/attention=frame_causal", objective,
                         tiny::tokenizer_of(options));
  }
  return triples;
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryModel, testing::ValuesIn(triples_and_variants()),
                         test_name);

}  // namespace
}  // namespace nextframe
