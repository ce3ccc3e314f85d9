#include "data/h5_guard.h"

#include <gtest/gtest.h>

#include <csignal>

#include "data/h5.h"

namespace nextframe {
namespace {

/// Whatever signal HDF5 ends in, a person reads which file it was, and scripts see 3.
TEST(H5CrashGuard, ACrashInsideHdf5IsASentence) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
    EXPECT_EXIT(
        {
          const H5Lock lock;
          set_h5_subject("some/shard.h5");
          std::raise(number);
        },
        ::testing::ExitedWithCode(3), "some/shard.h5: HDF5 itself crashed");
  }
}

uint64_t recurse(uint64_t depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : recurse(depth + 1) + static_cast<uint64_t>(room[0]);
}

TEST(H5CrashGuard, ItHasAStackOfItsOwn) {
  EXPECT_EXIT(
      {
        const H5Lock lock;
        set_h5_subject("deep.h5");
        recurse(1);
      },
      ::testing::ExitedWithCode(3), "deep.h5: HDF5 itself crashed");
}

TEST(H5CrashGuard, ALoopInsideHdf5Ends) {
  EXPECT_EXIT(
      {
        const H5Lock lock;
        set_h5_subject("round.h5");
        while (is_inside_hdf5()) {
        }
      },
      ::testing::ExitedWithCode(3), "round.h5: HDF5 itself came to no end");
}

TEST(H5CrashGuard, OutsideItKnowsNothing) {
  EXPECT_FALSE(is_inside_hdf5());
  {
    const H5Lock outer;
    H5Lock inner;
    EXPECT_TRUE(is_inside_hdf5());
    inner.unlock();
    EXPECT_TRUE(is_inside_hdf5());
  }
  EXPECT_FALSE(is_inside_hdf5());
}

}  // namespace
}  // namespace nextframe
