#include "trainer/config/config.h"

#include "model/registry.h"
#include "tests/trainer/config_texts.h"
#include "tests/trainer/fake_model.h"

namespace nextframe {
namespace {

TEST(Config, AValidOneIsReadIntoItsStructs) {
  const Config config = parse_config(valid_config(), "run.yaml");
  EXPECT_EQ(config.run.name, "small");
  EXPECT_EQ(config.data.train, "shards/train/*.h5");
  EXPECT_EQ(config.optimizer.lr, 3e-4);
  EXPECT_EQ(config.trainer.steps, 500);
  EXPECT_EQ(config.trainer.global_batch, 16);
  EXPECT_EQ(config.trainer.grains, TrainerConfig().grains);
}

TEST(Config, ListsAreReadAndTheirItemsChecked) {
  const auto model = [](const std::string& more) {
    return "data: {train: a}\nobjective: {name: fake_objective}\nmodel: {name: fake_model, " +
           more + "}\n";
  };
  const Config config = parse_config(model("stages: [4, 5, 6], tricks: [warm]"), "run.yaml");
  EXPECT_EQ(field_of(config, "model.stages").value, "[4, 5, 6]");
  EXPECT_EQ(field_of(config, "model.tricks").value, "[warm]");
  EXPECT_EQ(field_of(config, "model.tricks").tag, FieldTag::free);
  EXPECT_NE(errors_of(model("stages: 3"))
                .find("run.yaml:3:35 error  model.stages needs a list of integers, got '3'; write "
                      "[3]\n"),
            std::string::npos);
  EXPECT_NE(errors_of(model("stages: [1, x]"))
                .find("run.yaml:3:39 error  model.stages item 2 needs an integer, got 'x'\n"),
            std::string::npos);
  EXPECT_NE(errors_of(model("tricks: [skip, wram]"))
                .find("model.tricks = wram is not one of skip, warm; did you mean 'warm'?"),
            std::string::npos);
  EXPECT_NE(errors_of(model("stages: &loop [*loop]")).find("needs an integer, got a list"),
            std::string::npos);
}

TEST(Config, AnchorsAreUnderstood) {
  const Config config = parse_config(with("trainer: {steps: &n 40, log_every_steps: *n}\n"
                                          "optimizer: {lr: 1}\n"),
                                     "run.yaml");
  EXPECT_EQ(config.trainer.steps, 40);
  EXPECT_EQ(config.trainer.log_every_steps, 40);
  EXPECT_EQ(field_of(config, "trainer.log_every_steps").origin, "run.yaml:4:25");
}

TEST(Config, OverridesAreStrongestAndTheirErrorsNameThem) {
  const Config config = parse_config(valid_config(), "run.yaml",
                                     {"optimizer.lr=0.5", "run.name=010", "model.stages=[7]",
                                      "data.train=*.h5", "trainer.seed=1", "trainer.seed=2"});
  EXPECT_EQ(config.optimizer.lr, 0.5);
  EXPECT_EQ(config.run.name, "010");
  EXPECT_EQ(config.data.train, "*.h5");
  EXPECT_EQ(config.trainer.seed, 2);
  EXPECT_EQ(field_of(config, "model.stages").value, "[7]");
  EXPECT_EQ(field_of(config, "optimizer.lr").origin, "--set");

  EXPECT_EQ(errors_of(valid_config(), {"optimizer.lerning_rate=1", "steps", "trainer.steps=x",
                                       "optimiser.lr=2", "trainer=3", "model.stages=[1}]"}),
            "--set model.stages=[1}]        error  is not a list such as [1, 2]\n"
            "--set optimiser.lr=2           error  unknown key 'optimiser.lr'; did you mean "
            "'optimizer.lr'?\n"
            "--set optimizer.lerning_rate=1 error  unknown key 'optimizer.lerning_rate'; did you "
            "mean 'optimizer.lr'?\n"
            "--set steps                    error  needs the form section.key=value\n"
            "--set trainer.steps=x          error  trainer.steps needs an integer, got 'x'\n"
            "--set trainer=3                error  section 'trainer' needs keys of its own, such "
            "as 'trainer.steps'\n"
            "6 errors; nothing was started.");
}

TEST(Config, TextThatWasWrittenReadsBackEqual) {
  const Config config =
      parse_config(valid_config(), "run.yaml",
                   {"optimizer.lr=0.1", "optimizer.epsilon=1.2345678901234567e-20",
                    "data.validation=it's \"odd\" # \\ {x: *y}\t\u00e9", "model.tricks=[]",
                    "run.name=true", "model.bias=true"});
  const Config again = parse_config(to_yaml(config), "resolved.yaml");
  ASSERT_EQ(again.resolved.size(), config.resolved.size());
  for (size_t i = 0; i < config.resolved.size(); ++i) {
    EXPECT_EQ(again.resolved[i].key, config.resolved[i].key);
    EXPECT_EQ(again.resolved[i].value, config.resolved[i].value);
  }
  EXPECT_EQ(again.data.validation, config.data.validation);
  EXPECT_EQ(again.optimizer.epsilon, 1.2345678901234567e-20);
  EXPECT_EQ(again.run.name, "true");
}

TEST(Config, OriginsNameDefaultFileAndCommandLine) {
  const Config config = parse_config(valid_config(), "run.yaml", {"trainer.seed=3"});
  EXPECT_EQ(field_of(config, "trainer.grains").origin, "default");
  EXPECT_EQ(field_of(config, "trainer.steps").origin, "run.yaml:15:3");
  EXPECT_EQ(field_of(config, "model.name").origin, "run.yaml:7:3");
  EXPECT_EQ(field_of(config, "trainer.seed").origin, "--set");
  EXPECT_NE(to_yaml(config).find("# run.yaml:15:3\n"), std::string::npos);
}

TEST(Config, TheRunIsNamedAfterItsFile) {
  EXPECT_EQ(parse_config(with(""), "configs/coinrun.yaml").run.name, "coinrun");
}

TEST(Config, MakesItsModelFromWhatWasResolved) {
  const Config config =
      parse_config(valid_config(), "run.yaml",
                   {"objective.levels=9", "trainer.seed=77", "trainer.precision=bf16"});
  ASSERT_NE(config.make_model({}), nullptr);
  const FakeModelMade& made = last_fake_model();
  EXPECT_EQ(made.config.dim, 64);
  EXPECT_EQ(made.config.stages, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(made.config.norm, "rms");
  EXPECT_EQ(made.objective_levels, 9);
  EXPECT_EQ(made.seed, 77);
  EXPECT_TRUE(made.bf16);
}

}  // namespace
}  // namespace nextframe
