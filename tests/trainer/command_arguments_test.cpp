#include <gtest/gtest.h>

#include "trainer/commands/arguments.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

using List = std::vector<int64_t>;

TEST(RankList, IsOneNumberSeveralOrDoublings) {
  EXPECT_EQ(parse_rank_list("4"), (List{4}));
  EXPECT_EQ(parse_rank_list("1,2,3"), (List{1, 2, 3}));
  EXPECT_EQ(parse_rank_list("8..64"), (List{8, 16, 32, 64}));
  EXPECT_EQ(parse_rank_list("3..13"), (List{3, 6, 12}));
}

TEST(RankList, AnythingElseIsNamed) {
  for (const char* text : {"", "0", "two", "1,,2", "8..", "..8", "8..4", "-1", "1,2,x", "99999999"})
    EXPECT_THROW(parse_rank_list(text), UsageError) << text;
}

}  // namespace
}  // namespace nextframe
