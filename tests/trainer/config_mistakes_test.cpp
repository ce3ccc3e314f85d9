// What is wrong in a config is said all at once, each with its place and what to do.
#include <c10/util/StringUtil.h>

#include "model/registry.h"
#include "tests/trainer/config_texts.h"
#include "tests/trainer/fake_model.h"

namespace nextframe {
namespace {

/// The names that model.name or objective.name may have, as messages list them.
template <class Entry>
std::string known_names() {
  return c10::Join(", ", Registry<Entry>::instance().names());
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
     "unknown key 'zebra'; sections: run, data, tokenizer, model, objective, actions, optimizer, "
     "schedule, "
     "trainer, "
     "parallel, checkpoint, evaluate"},
    {"checkpoint: {quux: 1}",
     "unknown key 'checkpoint.quux'; keys of 'checkpoint': every_steps, keep, keep_best, "
     "timeout_s, "
     "digest_every_steps"},
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
    {"trainer: {precision: bf61}",
     "trainer.precision = bf61 is not one of fp32, bf16; did you mean 'bf16'?"},
    {"parallel: {reduce: tree}", "parallel.reduce = tree is not one of strict, fast"},
    {"trainer: {global_batch: 8, grains: 3}",
     "trainer.grains = 3 does not divide trainer.global_batch = 8; nearest: 2 or 4"},
    {"trainer: {global_batch: 24, grains: 7}",
     "trainer.grains = 7 does not divide trainer.global_batch = 24; nearest: 6 or 8"},
    {"trainer: {global_batch: 100, grains: 9}",
     "trainer.grains = 9 does not divide trainer.global_batch = 100; nearest: 10"},
    {"trainer: {global_batch: 4}", "trainer.grains = 8 is more than trainer.global_batch = 4"},
    {"parallel: {threads: 100000}", "parallel.threads = 100000 must be at most 1024"},
    {"trainer: {seed: -1}", "trainer.seed = -1 must be 0 or more"},
    {"trainer: {steps: 9223372036854775807}",
     "trainer.steps = 9223372036854775807 must be at most 1000000000"},
    {"optimizer: {beta2: 1}", "optimizer.beta2 = 1 must be less than 1"},
    {"optimizer: {lr: 0}", "optimizer.lr = 0 must be more than 0"},
    {"optimizer: {epsilon: 1e-40}",
     "optimizer.epsilon = 1e-40 must be 1e-30 or more: a smaller one is 0 in fp32"},
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

INSTANTIATE_TEST_SUITE_P(Each, ConfigMistake, ::testing::ValuesIn(kMistakes),
                         [](const auto& mistake) { return std::to_string(mistake.index); });

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

std::string errors_of_parts(const std::string& model, const std::string& objective,
                            const std::string& more = "") {
  return errors_of("data: {train: a}\nmodel: {name: " + model +
                   "}\nobjective: {name: " + objective + "}\n" + more);
}

TEST(Config, PartsThatDoNotGoTogetherAreNamedWithWhatWould) {
  EXPECT_NE(errors_of_parts("frame_mlp", "shortcut", "trainer: {global_batch: 16, grains: 4}\n")
                .find("run.yaml:3:13 error  objective.name = shortcut asks for step sizes, which "
                      "model.name = frame_mlp does not offer; models that do: "
                      "space_time_transformer\n"),
            std::string::npos);
  EXPECT_NE(
      errors_of_parts("frame_mlp", "regress", "actions: {form: token}\n")
          .find("run.yaml:4:11 error  actions.form = token asks for tokens, which model.name = "
                "frame_mlp does not offer; models that do: space_time_transformer\n"),
      std::string::npos);
}

TEST(Config, EveryPairOfModelAndObjectiveIsTakenOrRefusedByItsTraits) {
  for (const auto& model : ModelRegistry::instance().names()) {
    for (const auto& objective : ObjectiveRegistry::instance().names()) {
      const auto missing = missing_traits(ObjectiveRegistry::instance().find(objective)->asks,
                                          ModelRegistry::instance().find(model)->offers);
      std::string errors;
      try {
        const bool fills =
            ObjectiveRegistry::instance().find(objective)->asks.contains(Trait::whole_clip);
        const bool is_transformer = model == "space_time_transformer";
        parse_config("data: {train: a}\nmodel: {name: " + model +
                         (fills && is_transformer ? ", attention: full" : "") +
                         "}\nobjective: {name: " + objective +
                         "}\ntrainer: {global_batch: 16, grains: 4}\n",
                     "run.yaml");
      } catch (const ConfigError& error) {
        errors = error.what();
      }
      const bool takes_pixels =
          ObjectiveRegistry::instance().find(objective)->frames.contains(Trait::pixels);
      EXPECT_EQ(errors.empty(), missing.empty() && takes_pixels)
          << model << " " << objective << errors;
      for (const Trait trait : missing)
        EXPECT_NE(errors.find(trait_name(trait)), std::string::npos) << errors;
    }
  }
}

TEST(Config, AGrainHasAsManyClipsAsItsObjectiveNeeds) {
  EXPECT_NE(
      errors_of_parts("space_time_transformer", "shortcut",
                      "trainer: {global_batch: 8, grains: 4}\n")
          .find("trainer.grains = 4 leaves grains of 2 clips of trainer.global_batch = 8; this "
                "objective needs 4 or more in a grain"),
      std::string::npos);
}

TEST(Config, StepsAndGuidanceFitTheirObjectiveAndTraining) {
  EXPECT_NE(
      errors_of_parts("space_time_transformer", "shortcut",
                      "trainer: {global_batch: 16, grains: 4}\nevaluate: {denoise_steps: 3}\n")
          .find("evaluate.denoise_steps = 3 is not 1, 2, 4, .. objective.levels = 32"),
      std::string::npos);
  EXPECT_NE(errors_of_parts("space_time_transformer", "regress", "evaluate: {guidance: 2}\n")
                .find("evaluate.guidance = 2 needs a model that was trained with actions.dropout"),
            std::string::npos);
  EXPECT_NE(errors_of_parts("space_time_transformer", "regress",
                            "actions: {form: none, dropout: 0.1}\nevaluate: {guidance: 2}\n")
                .find("evaluate.guidance = 2 needs a model that is told actions"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe
