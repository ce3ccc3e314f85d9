#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "launch/communicator.h"

namespace nextframe {
namespace {

TEST(SoloCommunicator, EveryCollectiveIsACopyOrNothing) {
  const auto solo = make_solo_communicator();
  EXPECT_EQ(solo->rank(), 0);
  EXPECT_EQ(solo->size(), 1);
  const auto in = at::arange(7, at::kLong);
  for (const int call : {0, 1, 2, 3}) {
    const auto out = at::zeros({7}, at::kLong);
    if (call == 0) solo->reduce_scatter(in, out).wait();
    if (call == 1) solo->all_gather(in, out).wait();
    if (call == 2) solo->all_to_all(in, {7}, out, {7}).wait();
    if (call == 3) solo->exchange({{0, in}}, {{0, out}}).wait();
    EXPECT_TRUE(at::equal(out, in)) << call;
  }
  const auto kept = in.clone();
  solo->all_gather(kept, kept).wait();  // its own place
  solo->all_reduce(kept).wait();
  solo->broadcast(kept, 0).wait();
  solo->barrier().wait();
  EXPECT_TRUE(at::equal(kept, in));
}

TEST(SoloCommunicator, RefusesWhatManyRanksWouldRefuse) {
  const auto solo = make_solo_communicator();
  const auto four = at::zeros({4}), five = at::zeros({5});
  EXPECT_THROW(solo->all_gather(four, five), std::invalid_argument);
  EXPECT_THROW(solo->all_gather(five.narrow(0, 0, 4), five.narrow(0, 1, 4)),
               std::invalid_argument);                                            // overlap
  EXPECT_THROW(solo->exchange({{1, four}}, {{1, five}}), std::invalid_argument);  // no such peer
  EXPECT_THROW(solo->exchange({{0, four}}, {}), std::invalid_argument);
  EXPECT_THROW(solo->all_to_all(four, {5}, four.clone(), {4}), std::invalid_argument);
  EXPECT_THROW(solo->all_reduce(at::zeros({4, 4}).t()), std::invalid_argument);
  EXPECT_THROW(solo->all_reduce(at::Tensor()), std::invalid_argument);
  EXPECT_THROW(solo->broadcast(four, 1), std::invalid_argument);
}

}  // namespace
}  // namespace nextframe
