#include "launch/text.h"

#include <gtest/gtest.h>

#include <regex>

namespace nextframe {
namespace {

TEST(Text, OfAnyLengthIsPrintfs) {
  EXPECT_EQ(format("%s %3.0f%%", "done", 7.0), "done   7%");
  EXPECT_EQ(format("%s", ""), "");
  const std::string long_text(5000, 'x');
  EXPECT_EQ(format("<%s>", long_text.c_str()), "<" + long_text + ">");
}

TEST(Text, OfSecondsHasTheirUnit) { EXPECT_EQ(seconds_text(1.26), "1.3 s"); }

TEST(Text, OfTheTimeNowEndsInMilliseconds) {
  const std::regex pattern(R"(20\d\d-\d\d-\d\dT\d\d:\d\d\.\d{3}Z)");
  const auto text = now_utc("%Y-%m-%dT%H:%M");
  EXPECT_TRUE(std::regex_match(text, pattern)) << text;
}

}  // namespace
}  // namespace nextframe
