#include <c10/util/StringUtil.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/data/mutation.h"
#include "tests/trainer/fake_model.h"
#include "trainer/config/config.h"

namespace nextframe {
namespace {

/// Changes a few bytes: replaced, removed, doubled, or a piece of YAML put in between.
std::string mutate(std::string text, std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      "\n",   ": ", "- ",     "[",    "]",    "{",        "}",    "&a ", "*a",
      "<<: ", "? ", "!!int ", "#",    "---",  "...",      "|",    ">\n", "'",
      "\"",   "\t", "\\x",    "\xff", "\xc3", "trainer:", "0",    "~",   "%",
      "@",    "`",  "data",   "[[[",  "{{{",  "a: b:",    "\r\n", ",",   std::string(1, 0),
      "99",   "-",  "1e300"};
  const int num_changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < num_changes && !text.empty(); ++i) {
    const size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = static_cast<char>(random() % 256);
        break;
      case 1:
        text.erase(at, 1 + random() % 12);
        break;
      case 2:
        text.insert(at, text.substr(random() % text.size(), random() % 40));
        break;
      default:
        text.insert(at, kPieces[random() % kPieces.size()]);
    }
  }
  return text;
}

TEST(MutatedConfig, IsReadOrRefusedButNeverCrashes) {
  std::mt19937 random(20240601);  // NOLINT: the same mutants every time
  const int num_mutants = testing_mutation::num_mutants(3000);
  int num_accepted = 0;
  int num_refused = 0;
  for (int i = 0; i < num_mutants; ++i) {
    const std::string text = mutate(valid_config(), random);
    try {
      const Config config = parse_config(text, "mutant.yaml");
      ++num_accepted;
      const Config again = parse_config(to_yaml(config), "resolved.yaml");
      ASSERT_EQ(again.resolved.size(), config.resolved.size()) << text;
    } catch (const ConfigError& error) {
      ++num_refused;
      ASSERT_FALSE(error.problems.empty());
      ASSERT_TRUE(std::string(error.what()).ends_with("nothing was started.")) << text;
    }
  }
  // Both happen often, so the loop looks at more than one of the two paths.
  EXPECT_GT(num_accepted, num_mutants / 50);
  EXPECT_GT(num_refused, num_mutants / 5);
}

TEST(MutatedConfig, DeepNestingIsRefused) {
  for (const char* bracket : {"[", "{", "- ", "? ", "a: "}) {
    std::string text = "data: ";
    for (int i = 0; i < 20000; ++i) text += bracket;
    EXPECT_THROW(parse_config(text, "deep.yaml"), ConfigError) << bracket;
  }
}

TEST(MutatedConfig, AliasesThatMultiplyAreCheap) {
  std::string text = "data: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    text += c10::str("k", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  }
  EXPECT_THROW(parse_config(text, "bomb.yaml"), ConfigError);
}

}  // namespace
}  // namespace nextframe
