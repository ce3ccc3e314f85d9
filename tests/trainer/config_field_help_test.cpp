#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/trainer/fake_model.h"
#include "trainer/config/field_help.h"
#include "trainer/config/sections.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

std::string error_of(const std::string& key) {
  try {
    explain_key(key);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Explanation, OfAFieldHasTypeDefaultChoicesAndTag) {
  EXPECT_EQ(explain_key("parallel.device"),
            "parallel.device\n"
            "  where to train; auto takes a GPU if there is one\n"
            "  type     text\n"
            "  default  auto\n"
            "  choices  auto, cpu, cuda\n"
            "  free: it may change when a run goes on\n");
  EXPECT_NE(explain_key("optimizer.lr").find("identity: "), std::string::npos);
  EXPECT_NE(explain_key("parallel.threads").find("\n  range    1 to 1024\n"), std::string::npos);
  EXPECT_NE(explain_key("optimizer.lr").find("\n  range    more than 0, at most 1e+30\n"),
            std::string::npos);
  EXPECT_NE(explain_key("optimizer.beta1").find("\n  range    0 or more, less than 1\n"),
            std::string::npos);
}

TEST(Explanation, CoversFieldsOfRegisteredModels) {
  EXPECT_NE(explain_key("model.stages")
                .find("model.stages  (of model fake_model)\n"
                      "  blocks a stage\n"
                      "  type     list of integers\n"
                      "  default  [1, 2]\n"),
            std::string::npos);
  EXPECT_NE(explain_key("model.name").find("fake_model"), std::string::npos);
}

TEST(Explanation, OfASectionListsItsKeys) {
  const auto text = explain_key("checkpoint");
  for (const char* key : {"checkpoint.every_steps", "checkpoint.keep"}) {
    EXPECT_NE(text.find(key), std::string::npos) << key;
  }
  EXPECT_NE(explain_key("model").find("model fake_model:\n"), std::string::npos);
}

TEST(Explanation, BreaksLongHelpIntoLinesOfItsColumn) {
  const auto text = explain_key("trainer");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  EXPECT_NE(text.find("\n  "), std::string::npos);
}

TEST(Explanation, OfAWordAloneListsEveryKeyOfThatName) {
  const auto text = explain_key("every_steps");
  EXPECT_NE(text.find("checkpoint.every_steps\n"), std::string::npos);
  EXPECT_NE(text.find("evaluate.every_steps\n"), std::string::npos);
}

TEST(Explanation, OfAnUnknownKeyNamesANearOne) {
  EXPECT_EQ(error_of("optimizer.lerning_rate"),
            "unknown key 'optimizer.lerning_rate'; did you mean 'optimizer.lr'?");
  EXPECT_EQ(error_of("batch_size"),
            "unknown key 'batch_size'; did you mean 'trainer.global_batch'?");
  EXPECT_EQ(error_of("optimiser"), "unknown key 'optimiser'; did you mean 'optimizer'?");
}

TEST(KnownFields, EveryOneHasHelpAndADefaultThatItsChoicesAllow) {
  const auto fields = known_fields();
  ASSERT_GT(fields.size(), 30);
  for (const auto& field : fields) {
    EXPECT_FALSE(field.help.empty()) << field.key();
    const bool is_one = std::find(field.choices.begin(), field.choices.end(),
                                  field.default_value) != field.choices.end();
    EXPECT_TRUE(field.choices.empty() || field.name == "name" || field.default_value == "[]" ||
                is_one)
        << field.key();
  }
}

TEST(KnownFields, EveryNumberHasBoundsThatItsDefaultKeeps) {
  for (const auto& field : known_fields()) {
    if (field.entry.starts_with("fake_")) continue;
    if (field.type != "integer" && field.type != "number") continue;
    EXPECT_TRUE(std::isfinite(field.range.least) && std::isfinite(field.range.most)) << field.key();
    const double value = std::stod(field.default_value);
    EXPECT_FALSE(field.range.is_too_small(value) || field.range.is_too_large(value)) << field.key();
  }
}

TEST(Schema, HasEverySectionClosedAgainstUnknownKeys) {
  const auto schema = nlohmann::json::parse(config_schema());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["additionalProperties"], false);
  for (const auto& name : section_names()) {
    ASSERT_TRUE(schema["properties"].contains(name)) << name;
  }
  const auto& trainer = schema["properties"]["trainer"];
  EXPECT_EQ(trainer["additionalProperties"], false);
  EXPECT_EQ(trainer["properties"]["steps"]["type"], "integer");
  EXPECT_EQ(trainer["properties"]["steps"]["default"], 1000);
  EXPECT_EQ(trainer["properties"]["steps"]["minimum"], 1);
  EXPECT_EQ(trainer["properties"]["steps"]["maximum"], 1000000000);
  const auto& optimizer = schema["properties"]["optimizer"]["properties"];
  EXPECT_EQ(optimizer["lr"]["exclusiveMinimum"], 0);
  EXPECT_EQ(optimizer["beta1"]["exclusiveMaximum"], 1);
  EXPECT_EQ(trainer["properties"]["precision"]["enum"], (std::vector<std::string>{"fp32", "bf16"}));
}

TEST(Schema, HasAVariantForEachModel) {
  const auto schema = nlohmann::json::parse(config_schema());
  bool is_found = false;
  for (const auto& variant : schema["properties"]["model"]["oneOf"]) {
    if (variant["properties"]["name"]["const"] != "fake_model") continue;
    is_found = true;
    EXPECT_EQ(variant["properties"]["stages"]["items"]["type"], "integer");
    EXPECT_EQ(variant["properties"]["bias"]["type"], "boolean");
    EXPECT_EQ(variant["properties"]["dropout"]["default"], 0.25);
  }
  EXPECT_TRUE(is_found);
}

}  // namespace
}  // namespace nextframe
