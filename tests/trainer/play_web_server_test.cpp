#include <gtest/gtest.h>

#include "trainer/play/web_server.h"

namespace nextframe {
namespace {

TEST(WebServer, ComparesTokens) {
  EXPECT_TRUE(are_equal_in_constant_time("abc", "abc"));
  for (const char* wrong : {"", "ab", "abd", "abcabc", "abcd", "xbc"}) {
    EXPECT_FALSE(are_equal_in_constant_time("abc", wrong)) << wrong;
  }
  EXPECT_FALSE(are_equal_in_constant_time("", "a"));
}

}  // namespace
}  // namespace nextframe
