#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/trainer/config_texts.h"
#include "trainer/config/config.h"
#include "trainer/stages.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

const char* const kTokenizer = "data: {train: a}\ntokenizer: {name: fsq, patch_px: 4}\n";

TEST(TokenizerConfig, IsPixelsWhereNoneIsNamed) {
  const auto config = parse_config(with(""), "run.yaml");
  EXPECT_EQ(config.value_of("tokenizer.name"), "pixels");
  EXPECT_FALSE(config.trains_tokenizer());
  EXPECT_EQ(config.tokenizer().from, "");
  // A run of before there were tokenizers goes on.
  auto before = config;
  std::erase_if(before.resolved, [](const auto& f) { return f.key.starts_with("tokenizer."); });
  EXPECT_TRUE(compare_configs(before, config).identity.empty());
}

TEST(TokenizerConfig, ATrainableOneStandsInPlaceOfAModel) {
  const auto config = parse_config(kTokenizer, "tok.yaml");
  EXPECT_TRUE(config.trains_tokenizer());
  EXPECT_EQ(config.trained_part(), "fsq");
  EXPECT_EQ(config.value_of("model.name"), "");
  EXPECT_FALSE(config.make_model({4, 8, 8, 3, 0})->can_predict());
  EXPECT_NE(errors_of(std::string(kTokenizer) + "model: {name: frame_mlp}\n")
                .find("run.yaml:3:9 error  model.name is not used where tokenizer.name = fsq is "
                      "trained"),
            std::string::npos)
      << errors_of(std::string(kTokenizer) + "model: {name: frame_mlp}\n");
  EXPECT_NE(errors_of("data: {train: a}\ntokenizer: {name: fsk}\n").find("did you mean 'fsq'?"),
            std::string::npos);
  EXPECT_NE(errors_of("data: {train: a}\ntokenizer: {name: fsq, digits: [300, 300]}\n")
                .find("makes 90000 codes; at most 65536"),
            std::string::npos);
}

class TokenizerFrom : public ::testing::Test {
 protected:
  TokenizerFrom() {
    fs::create_directories(folder_ / "tokenizers");
    std::ofstream(folder_ / "tokenizers/tok.yaml") << kTokenizer;
  }
  std::string errors(const std::string& objective, const std::string& model = "frame_mlp") {
    std::ofstream(folder_ / "model.yaml")
        << "data: {train: a}\nmodel: {name: " << model << "}\nobjective: {name: " << objective
        << "}\ntokenizer: {name: trained, from: tokenizers/tok.yaml}\n";
    try {
      load_config((folder_ / "model.yaml").string());
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }

  const fs::path folder_ = fs::path(::testing::TempDir()) / "tokenizer-from";
};

TEST_F(TokenizerFrom, AConfigIsLookedForBesideTheOneThatNamesIt) {
  EXPECT_EQ(errors("maskgit", "space_time_transformer"), "");
  const auto config = load_config((folder_ / "model.yaml").string());
  EXPECT_EQ(config.tokenizer().from, (folder_ / "tokenizers/tok.yaml").string());
  const auto stage = find_stage(stage_sources(config).at(0));
  ASSERT_TRUE(stage.has_value());
  EXPECT_FALSE(stage->is_trained());
  EXPECT_EQ(stage->run, fs::path("runs/tok"));
}

TEST_F(TokenizerFrom, LatentActionsComeFromATokenizerOfThem) {
  std::ofstream(folder_ / "tokenizers/actions.yaml")
      << "data: {train: a}\ntokenizer: {name: latent_actions, patch_px: 4}\n";
  const auto load = [&](const std::string& more) {
    std::ofstream(folder_ / "acts.yaml")
        << "data: {train: a}\nmodel: {name: frame_mlp}\nobjective: {name: regress}\n"
        << more;
    return load_config((folder_ / "acts.yaml").string());
  };
  const auto problem_of = [&](const std::string& more) -> std::string {
    try {
      load(more);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  const auto config = load("actions: {from: tokenizers/actions.yaml}\n");
  const auto sources = stage_sources(config);
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].role, "actions");
  EXPECT_EQ(sources[0].from, (folder_ / "tokenizers/actions.yaml").string());
  EXPECT_EQ(find_stage(sources[0])->run, fs::path("runs/actions"));
  EXPECT_EQ(make_model_with_stages(config, {4, 8, 8, 3, 2})->num_latent_actions(), 8);
  EXPECT_NE(problem_of("actions: {from: tokenizers/tok.yaml}\n")
                .find("tokenizer fsq gives codes, not actions; one that does: latent_actions"),
            std::string::npos);
  EXPECT_NE(problem_of("actions: {from: tokenizers/actions.yaml, form: none}\n")
                .find(" is not used where actions.form = none"),
            std::string::npos);
  EXPECT_NE(problem_of("tokenizer: {name: trained, from: tokenizers/actions.yaml}\n")
                .find("works on pixels or values; tokenizer latent_actions gives changes"),
            std::string::npos);
}

TEST_F(TokenizerFrom, PartsThatDoNotGoTogetherAreNamedBeforeDataAreOpened) {
  EXPECT_NE(errors("regress").find("objective.name = regress works on pixels or values; tokenizer "
                                   "fsq gives codes; tokenizers that do: masked_autoencoder, "
                                   "pixels"),
            std::string::npos)
      << errors("regress");
  EXPECT_NE(errors("autoregressive", "space_time_transformer")
                .find("model.attention = factorised does not keep codes in order, as the "
                      "objective asks; needed: token_causal"),
            std::string::npos);
  const std::string ordered = "space_time_transformer, attention: token_causal";
  EXPECT_EQ(errors("autoregressive", ordered), "");
  EXPECT_NE(errors("maskgit", ordered).find("model.attention = token_causal is for objectives"),
            std::string::npos);
  EXPECT_NE(errors("maskgit").find("asks for hidden codes, which model.name = frame_mlp does not "
                                   "offer; models that do: space_time_transformer"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe
