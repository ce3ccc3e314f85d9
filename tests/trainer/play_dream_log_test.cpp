#include <gtest/gtest.h>

#include "trainer/exit_code.h"
#include "trainer/play/dream_log.h"

namespace nextframe {
namespace {

TEST(DreamLog, ReadsBackWhatItWrote) {
  const DreamLog choices{{3, 1, 8, UINT64_MAX},
                         "0123456789ab",
                         {{{7}, {4, 1}}, {{7}, {4, 1}}, {{2}, {4, 1}}, {{2}, {8, 1.5}}}};
  EXPECT_EQ(to_text(choices),
            "episode=3&start=1&context=8&seed=18446744073709551615&model=0123456789ab"
            "&keys=@4:1,7x2,2,@8:1.5,2");
  EXPECT_EQ(dream_log_from(to_text(choices)), choices);
  const DreamLog numbers{{}, "", {{{0.1F, -3e-20F}, {4, 0.1}}, {{1e30F, 0}, {4, 0.1}}}};
  EXPECT_EQ(dream_log_from(to_text(numbers)), numbers);
  const DreamLog none{{}, "", {{{}, {}}, {{}, {}}}};
  EXPECT_TRUE(to_text(none).ends_with("keys=@4:1,-x2"));
  EXPECT_EQ(dream_log_from(to_text(none)), none);
  EXPECT_EQ(dream_log_from(to_text(DreamLog{})), DreamLog{});
}

std::string refusal(const std::string& text) {
  try {
    dream_log_from(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(DreamLog, SaysWhatIsWrongInAText) {
  EXPECT_NE(refusal("hello").find("'hello'; needed: NAME=VALUE"), std::string::npos);
  EXPECT_NE(refusal("episode=x").find("a whole number"), std::string::npos);
  EXPECT_NE(refusal("episode=99999999999999999999").find("a whole number"), std::string::npos);
  EXPECT_NE(refusal("episodes=1").find("one of episode, start"), std::string::npos);
  EXPECT_NE(refusal("keys=1x0").find("1 to 65536 frames"), std::string::npos);
  EXPECT_NE(refusal("keys=1x65536,1").find("1 to 65536 frames"), std::string::npos);
  EXPECT_NE(refusal("keys=1x").find("a count of frames"), std::string::npos);
  EXPECT_NE(refusal("keys=,").find("numbers joined"), std::string::npos);
  EXPECT_NE(refusal("keys=nan").find("finite"), std::string::npos);
  EXPECT_NE(refusal("keys=@4,1").find("@STEPS:GUIDANCE"), std::string::npos);
  EXPECT_NE(refusal("keys=@0:1,1").find("1 to 65536 steps"), std::string::npos);
  EXPECT_NE(refusal("keys=@4:nan,1").find("guidance of 0 to 100"), std::string::npos);
}

}  // namespace
}  // namespace nextframe
