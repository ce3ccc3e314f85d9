#include <gtest/gtest.h>

#include "tests/trainer/fake_model.h"
#include "trainer/config/config.h"

namespace nextframe {
namespace {

using Lines = std::vector<std::string>;

Config config_with(const Lines& overrides) {
  return parse_config(valid_config(), "run.yaml", overrides);
}

TEST(ConfigDifferences, EqualConfigsHaveNone) {
  const auto differences = compare_configs(config_with({}), config_with({}));
  EXPECT_EQ(differences.identity, Lines{});
  EXPECT_EQ(differences.free, Lines{});
}

TEST(ConfigDifferences, AreSplitByTheTagOfTheirField) {
  const auto differences = compare_configs(
      config_with({}), config_with({"optimizer.lr=0.1", "checkpoint.keep=9", "run.name=other",
                                    "data.train=else/*.h5", "model.dim=128"}));
  EXPECT_EQ(differences.identity, (Lines{"model.dim: 64 → 128", "optimizer.lr: 3e-04 → 0.1"}));
  EXPECT_EQ(differences.free,
            (Lines{"run.name: small → other", "data.train: shards/train/*.h5 → else/*.h5",
                   "checkpoint.keep: 3 → 9"}));
}

TEST(ConfigDifferences, AnOriginAloneIsNone) {
  const auto differences = compare_configs(config_with({}), config_with({"trainer.steps=500"}));
  EXPECT_EQ(differences.identity, Lines{});
}

TEST(ConfigDifferences, StepsMayGrowButNotShrinkWhereTheScheduleAllows) {
  for (const std::string kind : {"constant", "wsd", "cosine"}) {
    const auto with_steps = [&](int64_t steps) {
      return config_with({"schedule.kind=" + kind, "trainer.steps=" + std::to_string(steps)});
    };
    const auto grown = compare_configs(with_steps(500), with_steps(600));
    const auto shrunk = compare_configs(with_steps(500), with_steps(400));
    const Lines line = {"trainer.steps: 500 → 600"};
    EXPECT_EQ(grown.free, kind == "cosine" ? Lines{} : line) << kind;
    EXPECT_EQ(grown.identity, kind == "cosine" ? line : Lines{}) << kind;
    EXPECT_EQ(shrunk.identity, Lines{"trainer.steps: 500 → 400"}) << kind;
  }
}

TEST(ConfigDifferences, FieldsThatCameOrWentAreAbsentOnOneSide) {
  Config before = config_with({});
  before.resolved.push_back({"model.old", "3", "default", FieldTag::identity});
  Config now = config_with({});
  now.resolved.push_back({"run.notes", "x", "default", FieldTag::free});
  const auto differences = compare_configs(before, now);
  EXPECT_EQ(differences.identity, Lines{"model.old: 3 → (absent)"});
  EXPECT_EQ(differences.free, Lines{"run.notes: (absent) → x"});
}

TEST(ConfigDifferences, AKeyOfANewerVersionIsNoneAtItsDefault) {
  const auto without = [](Config config, const std::string& key) {
    std::erase_if(config.resolved, [&](const ResolvedField& field) { return field.key == key; });
    return config;
  };
  const auto before = without(config_with({}), "actions.form");
  EXPECT_EQ(compare_configs(before, config_with({})).identity, Lines{});
  EXPECT_EQ(compare_configs(before, config_with({"actions.form=none"})).identity,
            Lines{"actions.form: (absent) → none"});
}

}  // namespace
}  // namespace nextframe
