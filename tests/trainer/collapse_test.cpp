#include "trainer/judge/collapse.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

TEST(Collapse, IsToldWithWhatUsuallyHelps) {
  EXPECT_EQ(describe_collapse({}), "");
  EXPECT_EQ(describe_collapse({{"codes_used", 0.8}, {"code_perplexity", 300}}), "");
  EXPECT_EQ(describe_collapse({{"latent_std", 0.4}, {"latent_rank", 9}}), "");
  EXPECT_NE(describe_collapse({{"codes_used", 0.04}}).find("only 4 % of the codes are used"),
            std::string::npos);
  EXPECT_NE(
      describe_collapse({{"latent_std", 0.4}, {"latent_rank", 1.1}}).find("effective rank 1.1"),
      std::string::npos);
  EXPECT_NE(describe_collapse({{"latent_std", 0.01}, {"latent_rank", 9}}).find("collapsed"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe
