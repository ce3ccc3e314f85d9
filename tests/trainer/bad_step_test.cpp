#include "trainer/judge/bad_step.h"

#include <gtest/gtest.h>

#include <cmath>

namespace nextframe {
namespace {

TEST(BadStep, SuspectsTheGrainsWhoseLossIsNotFinite) {
  const auto suspects = find_suspects({1, std::nan(""), 2, INFINITY}, {{10}, {11}, {12}, {13}});
  EXPECT_EQ(suspects.grains, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(suspects.clips, (std::vector<int64_t>{11, 13}));
}

TEST(BadStep, SuspectsAllClipsWhenNoGrainCanBeTold) {
  const auto suspects = find_suspects({1, 2}, {{10, 20}, {11, 21}});
  EXPECT_TRUE(suspects.grains.empty());
  EXPECT_EQ(suspects.clips, (std::vector<int64_t>{10, 20, 11, 21}));
}

TEST(BadStep, IsToldInOneLine) {
  JudgedStep judged{Verdict::skip, -std::nan(""), 2.5, 1e6, 0.5};
  EXPECT_EQ(describe_bad_step(7, judged, 1, {{1, 3}, {11, 13}}),
            "step 7 was skipped (1 in a row): loss nan, gradient norm 2.5 (z 0.5); grains 1, 3, "
            "clips 11, 13");
  const Suspects many{{}, std::vector<int64_t>(100, 5)};
  const auto line = describe_bad_step(7, judged, 2, many);
  EXPECT_NE(line.find("and 84 more"), std::string::npos) << line;
}

}  // namespace
}  // namespace nextframe
