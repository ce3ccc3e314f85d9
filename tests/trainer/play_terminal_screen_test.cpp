#include <gtest/gtest.h>

#include "trainer/play/terminal_screen.h"

namespace nextframe {
namespace {

TEST(TerminalScreen, NamesKeys) {
  EXPECT_EQ(keys_from("\x1b[A\x1bOD q"), (std::vector<std::string>{"up", "left", " ", "q"}));
  EXPECT_EQ(keys_from("\x1b[3~\x1b[1;5Cx"), (std::vector<std::string>{"x"}));  // named by nobody
  EXPECT_EQ(keys_from("\x03\x1b"), (std::vector<std::string>{"end", "escape"}));
}

}  // namespace
}  // namespace nextframe
