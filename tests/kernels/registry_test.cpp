#include "kernels/base/registry.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

struct RegisteredShape {
  int corners = 0;
};

Registry<RegisteredShape> shapes() {
  Registry<RegisteredShape> registry;
  registry.add("triangle", {3});
  registry.add("square", {4});
  return registry;
}

std::string lookup_error(const std::string& name) {
  try {
    shapes().get(name, "shape");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Registry, FindsWhatWasAdded) {
  const auto registry = shapes();
  EXPECT_EQ(registry.get("square", "shape").corners, 4);
  EXPECT_EQ(registry.find("circle"), nullptr);
  EXPECT_EQ(registry.names(), (std::vector<std::string>{"square", "triangle"}));
}

TEST(Registry, UnknownNameIsAnErrorThatNamesTheKnownOnes) {
  EXPECT_EQ(lookup_error("squrae"),
            "unknown shape 'squrae'; did you mean 'square'? (known: square triangle)");
  EXPECT_EQ(lookup_error("dodecahedron"), "unknown shape 'dodecahedron' (known: square triangle)");
}

TEST(Registry, RefusesANameTwice) {
  auto registry = shapes();
  EXPECT_EXIT(registry.add("square", {5}), testing::ExitedWithCode(1),
              "'square' is registered twice; give one of the two another name");
}

TEST(EditDistance, CountsSingleCharacterEdits) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(DidYouMean, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> known{"lr", "weight_decay", "beta1"};
  EXPECT_EQ(did_you_mean("weigth_decay", known), "weight_decay");
  EXPECT_EQ(did_you_mean("beta", known), "beta1");
  EXPECT_EQ(did_you_mean("momentum", known), "");
  EXPECT_EQ(did_you_mean("beta3", known), "");
  EXPECT_EQ(did_you_mean("fp16", {"bf16", "fp32"}), "bf16");
}

}  // namespace
}  // namespace nextframe
