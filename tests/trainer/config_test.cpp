#include "trainer/config/config.h"

#include <c10/util/StringUtil.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "model/registry.h"
#include "tests/trainer/fake_model.h"

namespace nextframe::testing {
namespace {

/// The message of the ConfigError that `text` gives, "" if it is accepted.
std::string errors_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "run.yaml", overrides);
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.code, ExitCode::usage);
    return error.what();
  }
  return "";
}

/// A valid config of a model that is named in one line, and more below it.
std::string with(const std::string& more) {
  return "data: {train: a.h5}\nmodel: {name: fake_model}\nobjective: {name: fake_objective}\n" +
         more;
}

/// The names that model.name or objective.name may have, as messages list them.
template <class Entry>
std::string known_names() {
  return c10::Join(", ", Registry<Entry>::instance().names());
}

const ResolvedField& field_of(const Config& config, const std::string& key) {
  for (const auto& field : config.resolved) {
    if (field.key == key) return field;
  }
  throw std::out_of_range(key);
}

TEST(Config, AValidOneIsReadIntoItsStructs) {
  const Config config = parse_config(valid_config(), "run.yaml");
  EXPECT_EQ(config.run.name, "small");
  EXPECT_EQ(config.data.train, "shards/train/*.h5");
  EXPECT_EQ(config.optimizer.lr, 3e-4);
  EXPECT_EQ(config.trainer.steps, 500);
  EXPECT_EQ(config.trainer.global_batch, 16);
  EXPECT_EQ(config.trainer.grains, TrainerConfig().grains);
}

TEST(Config, EveryProblemIsShownAtOnceWithItsPlace) {
  EXPECT_EQ(errors_of("data:\n"
                      "  train: a.h5\n"
                      "model: {name: fake_model, heads: 7}\n"
                      "objective:\n"
                      "  name: fake_objective\n"
                      "optimizer:\n"
                      "  lerning_rate: 0.1\n"
                      "trainer:\n"
                      "  steps: many\n"
                      "data:\n"
                      "  train: b.h5\n"),
            "run.yaml:3:27 error  model.heads = 7 does not divide model.dim = 512; nearest: 8\n"
            "     3 | model: {name: fake_model, heads: 7}\n"
            "       |                           ^\n"
            "run.yaml:7:3  error  unknown key 'optimizer.lerning_rate'; did you mean "
            "'optimizer.lr'?\n"
            "     7 |   lerning_rate: 0.1\n"
            "       |   ^\n"
            "run.yaml:9:10 error  trainer.steps needs an integer, got 'many'\n"
            "     9 |   steps: many\n"
            "       |          ^\n"
            "run.yaml:10:1 error  duplicate key 'data' (first at line 1)\n"
            "    10 | data:\n"
            "       | ^\n"
            "4 errors; nothing was started.");
}

TEST(Config, OneProblemIsCountedInTheSingular) {
  EXPECT_EQ(errors_of(with("trainer: {steps: 0}")),
            "run.yaml:4:11 error  trainer.steps = 0 must be 1 or more\n"
            "     4 | trainer: {steps: 0}\n"
            "       |           ^\n"
            "1 error; nothing was started.");
}

struct Mistake {
  const char* text;     // below with()
  const char* message;  // of its only problem
};

class ConfigMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsNamed) {
  try {
    parse_config(with(GetParam().text), "run.yaml");
    FAIL() << "accepted: " << GetParam().text;
  } catch (const ConfigError& error) {
    ASSERT_EQ(error.problems.size(), 1) << error.what();
    EXPECT_EQ(error.problems[0].message, GetParam().message);
    EXPECT_EQ(error.problems[0].place.source->name, "run.yaml");
    EXPECT_GT(error.problems[0].place.line, 3);
  }
}

const Mistake kMistakes[] = {
    // Keys.
    {"optimizer: {learning_rate: 1}",
     "unknown key 'optimizer.learning_rate'; did you mean 'optimizer.lr'?"},
    {"trainer: {batch_size: 1}",
     "unknown key 'trainer.batch_size'; did you mean 'trainer.global_batch'?"},
    {"trainer: {lr: 1}", "unknown key 'trainer.lr'; did you mean 'optimizer.lr'?"},
    {"optimizer: {grad_clip: 1}",
     "unknown key 'optimizer.grad_clip'; did you mean 'optimizer.clip_norm'?"},
    {"lr: 1", "unknown key 'lr'; did you mean 'optimizer.lr'?"},
    {"optimiser: {lr: 1}", "unknown key 'optimiser'; did you mean 'optimizer'?"},
    {"training: {steps: 1}", "unknown key 'training'; did you mean 'trainer'?"},
    {"zebra:",
     "unknown key 'zebra'; sections: run, data, model, objective, optimizer, schedule, trainer, "
     "parallel, checkpoint, evaluate"},
    {"checkpoint: {quux: 1}",
     "unknown key 'checkpoint.quux'; keys of 'checkpoint': every_steps, keep, digest_every_steps"},
    {"trainer: 5", "section 'trainer' needs keys of its own, such as 'trainer.steps'"},
    {"trainer.steps: 5", "key 'trainer.steps' has a dot; write 'steps:' below 'trainer:'"},
    {"trainer: {steps: 5, steps: 6}", "duplicate key 'trainer.steps' (first at line 4)"},
    {"trainer: {<<: {steps: 5}}",
     "merge keys '<<' are not read; use 'extends: FILE' for shared values"},
    {"<<: {trainer: {steps: 5}}",
     "merge keys '<<' are not read; use 'extends: FILE' for shared values"},
    {"trainer: {[a]: 5}", "a key must be a word, got a list or a map"},
    {"trainer: {~: 5}", "a key must be a word, got nothing"},
    // Types.
    {"trainer: {steps: 010}",
     "trainer.steps needs an integer, got '010'; a leading zero means octal to some readers; write "
     "10"},
    {"trainer: {seed: -007}",
     "trainer.seed needs an integer, got '-007'; a leading zero means octal to some readers; write "
     "-7"},
    {"optimizer: {lr: 01}",
     "optimizer.lr needs a number, got '01'; a leading zero means octal to some readers; write 1"},
    {"trainer: {steps: 1e3}", "trainer.steps needs an integer, got '1e3'; write 1000"},
    {"trainer: {steps: 1.5}", "trainer.steps needs an integer, got '1.5'"},
    {"trainer: {steps: 0x10}", "trainer.steps needs an integer, got '0x10'"},
    {"trainer: {steps: 99999999999999999999}",
     "trainer.steps needs an integer of at most 64 bits, got '99999999999999999999'"},
    {"trainer: {steps: '8'}",
     "trainer.steps needs an integer, got the text '8'; remove the quotes"},
    {"trainer: {steps: }", "trainer.steps needs an integer, got nothing"},
    {"trainer: {steps: [8]}", "trainer.steps needs an integer, got a list"},
    {"trainer: {steps: {a: 8}}", "trainer.steps needs an integer, got a map"},
    {"trainer: {steps: !!int 8}",
     "trainer.steps has the YAML tag 'tag:yaml.org,2002:int', which is not read; remove it"},
    {"optimizer: {lr: fast}", "optimizer.lr needs a number, got 'fast'"},
    {"optimizer: {lr: .inf}", "optimizer.lr needs a number, got '.inf'"},
    {"optimizer: {lr: nan}", "optimizer.lr needs a number, got 'nan'"},
    {"run: {name: }", "run.name needs a text, got nothing; an empty text is ''"},
    // Values.
    {"trainer: {precision: fp61}",
     "trainer.precision = fp61 is not one of fp32, bf16; did you mean 'fp32'?"},
    {"parallel: {reduce: tree}", "parallel.reduce = tree is not one of strict, fast"},
    {"trainer: {global_batch: 8, grains: 3}",
     "trainer.grains = 3 does not divide trainer.global_batch = 8; nearest: 2 or 4"},
    {"trainer: {global_batch: 24, grains: 7}",
     "trainer.grains = 7 does not divide trainer.global_batch = 24; nearest: 6 or 8"},
    {"trainer: {global_batch: 100, grains: 9}",
     "trainer.grains = 9 does not divide trainer.global_batch = 100; nearest: 10"},
    {"trainer: {global_batch: 4}", "trainer.grains = 8 is more than trainer.global_batch = 4"},
    {"checkpoint: {keep: 1}",
     "checkpoint.keep = 1 must be 2 or more: the newest one may be half written"},
    {"schedule: {kind: wsd, decay_steps: 950}",
     "schedule.decay_steps = 950 and schedule.warmup_steps = 100 are together more than "
     "trainer.steps = 1000"},
    {"schedule: {decay_steps: 10}",
     "schedule.decay_steps = 10 is read only by schedule.kind = wsd, not by cosine"},
    {"evaluate: {every_steps: 10}",
     "evaluate.every_steps = 10 needs data.validation, a glob of held-out shards; or set it to 0"},
    {"run: {name: a/b}",
     "run.name = a/b must be one folder's name, without '/'; a whole path is given with --run"},
};

INSTANTIATE_TEST_SUITE_P(Each, ConfigMistake, ::testing::ValuesIn(kMistakes));

TEST(Config, WhatIsNoMapOfSectionsIsRefused) {
  EXPECT_EQ(errors_of(""),
            "run.yaml:1:1 error  the config is empty; it is a map of sections, such as "
            "'trainer:'\n1 error; nothing was started.");
  EXPECT_NE(errors_of("# nothing\n").find("the config is empty"), std::string::npos);
  EXPECT_NE(errors_of("- a\n- b\n").find("got a list"), std::string::npos);
  EXPECT_NE(errors_of("hello").find("got a single value"), std::string::npos);
  EXPECT_NE(errors_of("a: 1\n---\nb: 2\n").find("run.yaml:2:1 error  the config ends above"),
            std::string::npos);
  for (const char* text : {"]", "a: 1\n]", "[a]]", "{a: b}}"})
    EXPECT_NE(errors_of(text), "") << text;
  EXPECT_EQ(errors_of("trainer: {steps: 1\n").find("run.yaml:"), 0);
  EXPECT_NE(errors_of("trainer: {steps: 1\n").find("this is not YAML: "), std::string::npos);
  EXPECT_NE(errors_of("trainer: *nobody\n").find("this is not YAML: "), std::string::npos);
}

TEST(Config, MissingSectionsAreNamedAtTheFirstLine) {
  EXPECT_EQ(errors_of("trainer: {steps: 5}\n"
                      "optimizer: {lr: 1}\n"),
            "run.yaml:1:1 error  data.train needs a glob of shards, for example "
            "'datasets/NAME/train/*.h5'\n"
            "     1 | trainer: {steps: 5}\n"
            "       | ^\n"
            "run.yaml:1:1 error  model.name is missing; choose one of " +
                known_names<ModelEntry>() +
                "\n"
                "     1 | trainer: {steps: 5}\n"
                "       | ^\n"
                "run.yaml:1:1 error  objective.name is missing; choose one of " +
                known_names<ObjectiveEntry>() +
                "\n"
                "     1 | trainer: {steps: 5}\n"
                "       | ^\n"
                "3 errors; nothing was started.");
}

TEST(Config, AnUnknownModelIsNamedAndItsKeysAreLeftAlone) {
  EXPECT_EQ(errors_of("data: {train: a}\nmodel: {name: fake_modell, width: 3}\n"
                      "objective: {name: fake_objective}\n"),
            "run.yaml:2:15 error  model.name = fake_modell is not one of " +
                known_names<ModelEntry>() +
                "; did you mean 'fake_model'?\n"
                "     2 | model: {name: fake_modell, width: 3}\n"
                "       |               ^\n"
                "1 error; nothing was started.");
}

TEST(Config, AWrongTypeHidesChecksThatSpeakOfIt) {
  const auto errors = errors_of(
      "data: {train: a}\nobjective: {name: fake_objective}\n"
      "model: {name: fake_model, dim: wide, heads: 7}\n");
  EXPECT_NE(errors.find("model.dim needs an integer, got 'wide'"), std::string::npos);
  EXPECT_NE(errors.find("\n1 error; nothing was started."), std::string::npos) << errors;
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
                   {"optimizer.lr=0.1", "optimizer.epsilon=1.2345678901234567e-300",
                    "data.validation=it's \"odd\" # \\ {x: *y}\t\u00e9", "model.tricks=[]",
                    "run.name=true", "model.bias=true"});
  const Config again = parse_config(to_yaml(config), "resolved.yaml");
  ASSERT_EQ(again.resolved.size(), config.resolved.size());
  for (size_t i = 0; i < config.resolved.size(); ++i) {
    EXPECT_EQ(again.resolved[i].key, config.resolved[i].key);
    EXPECT_EQ(again.resolved[i].value, config.resolved[i].value);
  }
  EXPECT_EQ(again.data.validation, config.data.validation);
  EXPECT_EQ(again.optimizer.epsilon, 1.2345678901234567e-300);
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

class ConfigFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("nextframe_config_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_ / "base");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string errors_of_file(const std::string& path) const {
    try {
      load_config(path);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFiles, WhatComesLaterIsStronger) {
  write("base/model.yaml", with("optimizer: {lr: 0.1, beta1: 0.5, beta2: 0.6}\n"));
  write("base/fast.yaml", "optimizer: {lr: 0.2, beta1: 0.7}\n");
  const auto path = write("run.yaml",
                          "extends: [base/model.yaml, base/fast.yaml]\n"
                          "optimizer: {lr: 0.3}\n");
  EXPECT_EQ(load_config(path).optimizer.lr, 0.3);
  EXPECT_EQ(load_config(path).optimizer.beta1, 0.7);
  EXPECT_EQ(load_config(path).optimizer.beta2, 0.6);
  EXPECT_EQ(load_config(path).optimizer.epsilon, OptimizerConfig().epsilon);
  EXPECT_EQ(load_config(path, {"optimizer.lr=0.4"}).optimizer.lr, 0.4);
  EXPECT_EQ(field_of(load_config(path), "optimizer.beta1").origin,
            (folder_ / "base/fast.yaml:1:22").string());
}

TEST_F(ConfigFiles, ExtendsIsRelativeToItsFileAndOneNameNeedsNoList) {
  write("base/root.yaml", with(""));
  write("base/middle.yaml", "extends: root.yaml\ntrainer: {seed: 5}\n");
  const auto path = write("run.yaml", "extends: base/middle.yaml\n");
  EXPECT_EQ(load_config(path).trainer.seed, 5);
}

TEST_F(ConfigFiles, ACircleIsNamed) {
  const auto a = write("a.yaml", "extends: b.yaml\n");
  const auto b = write("b.yaml", "extends: [base/../a.yaml]\n");
  EXPECT_EQ(errors_of_file(a), b + ":1:11 error  extends goes in a circle: " + a + " -> " + b +
                                   " -> " + a +
                                   "\n     1 | extends: [base/../a.yaml]\n"
                                   "       |           ^\n1 error; nothing was started.");
}

TEST_F(ConfigFiles, AMissingFileIsNamedWithItsNeighbour) {
  const auto path = write("coinrun.yaml", "extends: bse.yaml\n");
  write("base.yaml", with(""));
  EXPECT_EQ(errors_of_file((folder_ / "conrun.yaml").string()),
            (folder_ / "conrun.yaml").string() + " error  the file does not exist; did you mean '" +
                path + "'?\n1 error; nothing was started.");
  EXPECT_NE(errors_of_file(path).find(":1:10 error  extends '" + (folder_ / "bse.yaml").string() +
                                      "': the file does not exist; did you mean '" +
                                      (folder_ / "base.yaml").string() + "'?"),
            std::string::npos);
  EXPECT_NE(errors_of_file(folder_.string()).find("is not a file"), std::string::npos);
  EXPECT_NE(errors_of_file(write("big.yaml", std::string(2 << 20, ' '))).find("has 2097152 bytes"),
            std::string::npos);
  EXPECT_NE(errors_of_file(write("odd.yaml", "extends: {a: b}\n"))
                .find("extends needs a file name or a list of them"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe::testing
