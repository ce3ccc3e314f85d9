#include "data/action_scale.h"

#include "data/dataset.h"
#include "data/shard_reader.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

ShardInfo numbers_of_width(int64_t width) {
  ShardInfo info;
  info.action_space = {ActionSpace::Kind::continuous, width, {}};
  return info;
}

/// A shard with an episode for each tensor of actions [T, A].
void write_actions(const std::filesystem::path& path, const std::vector<at::Tensor>& actions) {
  std::vector<RecordedEpisode> episodes;
  for (const auto& rows_TA : actions) {
    auto episode = numbered_episode(rows_TA.size(0));
    episode.actions = rows_TA.to(at::kFloat);
    episodes.push_back(episode);
  }
  write_shard(path, episodes, Compression::none, numbers_of_width(actions[0].size(1)));
}

std::vector<ActionColumn> measured(const std::vector<at::Tensor>& actions) {
  const ScratchFolder folder;
  write_actions(folder / "a.h5", actions);
  const ShardReader shard(folder / "a.h5");
  return measure_actions(std::span(&shard, 1));
}

/// [T, 1] of 0, step, 2 step ..., and a last row that leads nowhere.
at::Tensor ramp(int64_t count, double step, double unused) {
  return at::cat({at::arange(count).to(at::kDouble) * step, at::full({1}, unused, at::kDouble)})
      .unsqueeze(1);
}

TEST(ActionScale, IsTheMedianAndHalfOfTheUsualRange) {
  const auto column = measured({ramp(1001, 2, 1e6)}).at(0);
  EXPECT_EQ(column.low, 0);
  EXPECT_EQ(column.high, 2000);
  EXPECT_EQ(column.centre, 1000);
  EXPECT_EQ(column.scale, (1980.0 - 20.0) / 2);
  EXPECT_FALSE(column.is_constant);
}

TEST(ActionScale, LeavesOutTheLastActionOfEveryEpisode) {
  std::vector<at::Tensor> episodes;
  for (int i = 0; i < 20; ++i) episodes.push_back(ramp(4, 1, 1e6));
  EXPECT_EQ(measured(episodes).at(0).high, 3);
}

TEST(ActionScale, ConstantColumnsAreKeptAsTheyAreButForTheirPlace) {
  const auto constant = measured({at::full({50, 1}, 0.1)}).at(0);
  EXPECT_TRUE(constant.is_constant);
  EXPECT_EQ(constant.scale, 1);
  EXPECT_FLOAT_EQ(static_cast<float>(constant.centre), 0.1F);
  // Rounding is no signal; scaled up it would look like one.
  auto rounded = at::full({50, 1}, 0.1F);
  rounded[7][0] = std::nextafter(0.1F, 1.0F);
  EXPECT_TRUE(measured({rounded}).at(0).is_constant);
}

TEST(ActionScale, ARareEventIsScaledByItsOwnSize) {
  auto rows = at::full({1000, 1}, -1.0);
  rows[500][0] = 3;
  const auto column = measured({rows}).at(0);
  EXPECT_EQ(column.centre, -1);
  EXPECT_EQ(column.scale, 2);
}

TEST(ActionScale, OutliersDoNotDecideTheScale) {
  auto rows = ramp(1000, 1, 0);
  rows[3][0] = 1e9;
  EXPECT_NEAR(measured({rows}).at(0).scale, 490, 10);
}

TEST(ActionScale, LargeSetsAreSampledWithoutFavouringAPlaceInTheEpisode) {
  // Steps 0 to 3 of episodes of 5; a plain stride would see the same step of each.
  const auto episode = ramp(4, 1, 1e6);
  const auto rows = episode.repeat({300000, 1});
  const ScratchFolder folder;
  auto recorded = numbered_episode(1);
  recorded.frames_THWC = at::zeros({rows.size(0), 1, 1, 1}, at::kByte);
  recorded.actions = rows.to(at::kFloat);
  recorded.actions.masked_fill_(recorded.actions.gt(10), 4);
  write_shard(folder / "a.h5", {recorded}, Compression::none, numbers_of_width(1));
  const ShardReader shard(folder / "a.h5");
  const auto column = measure_actions(std::span(&shard, 1)).at(0);
  EXPECT_EQ(column.centre, 2);
  EXPECT_EQ(column.scale, 2);
}

/// All that a dataset gives out of the actions [T, A] of one episode.
struct Given {
  at::Tensor clip, episode, actions;
};

Given given(const at::Tensor& rows_TA, int64_t stride, bool is_normalised) {
  const ScratchFolder folder;
  write_actions(folder / "a.h5", {rows_TA});
  DataConfig config;
  config.train = (folder / "a.h5").string();
  config.clip_frames = 4;
  config.stride_frames = stride;
  config.normalize_actions = is_normalised;
  const Dataset data = open_training_set(config);
  auto batch = make_batch(data.shape(), 1);
  data.read_clip(2, batch, 0);
  const int64_t count = rows_TA.size(0) - 3;
  return {batch.actions_BTA[0].clone(), data.read_episode(0, 3, count).actions_TA,
          data.read_actions(0, 3, count)};
}

TEST(ActionScale, ClipsAndEpisodesAreTheSameInEveryUnit) {
  const at::Tensor rows_TA = at::randn({40, 3}).to(at::kFloat);
  const at::Tensor unit = at::tensor({55.0F, -0.01F, 3e4F});
  for (const int64_t stride : {1, 2}) {
    const auto one = given(rows_TA, stride, true), other = given(rows_TA * unit + 7, stride, true);
    const auto sign = at::tensor({1.0F, -1.0F, 1.0F}).repeat({stride});
    for (const auto& [a, b] : {std::pair{one.clip, other.clip},
                               {one.episode, other.episode},
                               {one.actions, other.actions}}) {
      EXPECT_TRUE(at::allclose(a, b * sign, 0, 2e-2)) << a << b * sign;
      EXPECT_GT(a.abs().max().item<float>(), 0.3);
      EXPECT_LT(a.abs().max().item<float>(), 3);
    }
    EXPECT_TRUE(at::equal(one.episode, one.actions));
    const auto plain = given(rows_TA, stride, false);
    EXPECT_TRUE(
        at::equal(plain.actions.flatten().slice(0, 0, 9), rows_TA.flatten().slice(0, 9, 18)));
  }
}

TEST(ActionScale, WhatComesAfterTheEndOfAnEpisodeStaysZero) {
  const auto rows = given(at::arange(40).unsqueeze(1) + 1000, 2, true).episode;
  EXPECT_EQ(rows[-1][1].item<float>(), 0);
  EXPECT_NE(rows[-1][0].item<float>(), 0);
}

TEST(ActionScale, UnusualColumnsAreNamed) {
  const std::vector<ActionColumn> train{{-1, 1, 0, 1, false}, {2, 2, 2, 1, true}};
  const std::vector<ActionColumn> held_out{{-1, 512, 256, 250, false}, {2, 2.5, 2, 1, false}};
  const std::vector<std::string> names{"dx", "grip"};
  const auto scale = scale_of(train);
  const auto constant = constant_columns("data.train", train, names);
  ASSERT_EQ(constant.size(), 1U);
  EXPECT_TRUE(contains(constant[0], "data.train: column 1 ('grip') of the actions is always 2"))
      << constant[0];
  EXPECT_TRUE(columns_out_of_range("data.train", train, scale, names, "").empty());
  const auto beyond = columns_out_of_range("data.validation", held_out, scale, {}, "look");
  ASSERT_EQ(beyond.size(), 1U);
  EXPECT_TRUE(contains(beyond[0], "data.validation: column 0 of the actions goes from -1 to 512") &&
              contains(beyond[0], "; look"))
      << beyond[0];
  EXPECT_EQ(constant_columns("a", std::vector<ActionColumn>(9, train[1]), {}).size(), 3U);
}

TEST(ActionScale, OneOfOtherActionsIsRefused) {
  const ScratchFolder folder;
  write_actions(folder / "a.h5", {at::randn({20, 3})});
  Dataset numbers(folder / "a.h5", 4, 1);
  EXPECT_TRUE(contains(data_error_of([&] { numbers.scale_actions({{0, 0}, {1, 1}}); }), "a.h5"));
  write_shard(folder / "b.h5", {numbered_episode(20)});
  Dataset choices(folder / "b.h5", 4, 1);
  EXPECT_TRUE(choices.action_columns().empty());
  EXPECT_TRUE(contains(data_error_of([&] {
                         choices.scale_actions({{0, 0, 0}, {1, 1, 1}});
                       }),
                       "no numbers"));
}

}  // namespace
}  // namespace nextframe
