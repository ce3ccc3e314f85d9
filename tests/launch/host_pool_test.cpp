#include "launch/host_pool.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

std::string names(const Placement& placement) { return to_host_list(placement.hosts); }

TEST(HostPool, OnlyAsManyHostsAsTheRanksNeedAreTaken) {
  HostPool pool({{"a", 2}, {"b", 2}, {"c", 2}}, 2, {});
  EXPECT_EQ(names(pool.place(3, 0)), "a:2,b:2");
  EXPECT_EQ(names(pool.place(2, 0)), "a:2");
  EXPECT_EQ(pool.place(8, 0).num_ranks, 6);
}

TEST(HostPool, WithoutHostsMpirunKnowsWhere) {
  HostPool pool({}, 8, {});
  EXPECT_EQ(pool.place(8, 0).num_ranks, 8);
  EXPECT_EQ(pool.record_failure("a", "it died", 0), FailureAction::recorded);
}

TEST(HostPool, FewerSlotsThanTheLeastRanksAreForMpirunToRefuse) {
  HostPool pool({{"a", 2}}, 3, {});
  EXPECT_EQ(pool.place(4, 0).num_ranks, 3);
}

TEST(HostPool, TheLastHostIsNeverLeftOut) {
  HostPool pool({{"a", 2}, {"b", 2}}, 1, {});
  for (int i = 0; i < 2; ++i) pool.record_failure("a", "it died", 0);
  pool.record_failure("b", "it died", 10);
  EXPECT_EQ(pool.record_failure("b", "it died", 10), FailureAction::required);
  EXPECT_EQ(names(pool.place(4, 20)), "b:2");
}

TEST(HostPool, ManyRanksOnFewHostsWhereThatIsAllowed) {
  HostPool pool({{"a", 2}, {"b", 2}}, 4, {.oversubscribe = true});
  for (int i = 0; i < 2; ++i) pool.record_failure("b", "it died", 0);
  const auto placement = pool.place(4, 1);
  EXPECT_EQ(names(placement), "a:2");
  EXPECT_EQ(placement.num_ranks, 4);
}

TEST(HostPool, AHostThatIsBackHasAFreshStart) {
  HostPool pool({{"a", 2}, {"b", 2}}, 1, {});
  pool.record_failure("a", "it died", 0);
  pool.record_failure("a", "it died", 1);
  EXPECT_EQ(names(pool.place(4, 600)), "b:2");
  EXPECT_EQ(names(pool.place(4, 602)), "a:2,b:2");
  EXPECT_EQ(pool.record_failure("a", "it died", 603), FailureAction::recorded);
}

}  // namespace
}  // namespace nextframe
