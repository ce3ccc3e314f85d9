#include "data/verify_child.h"

#include <gtest/gtest.h>

#include <csignal>
#include <new>
#include <stdexcept>

#include "data/h5.h"

namespace nextframe {
namespace {

/// The frames of every report that came, and how the child ended.
struct Outcome {
  std::vector<int64_t> frames;
  std::optional<std::string> ending;
};

Outcome verify(size_t first, size_t last, const std::function<void(size_t)>& before) {
  Outcome outcome;
  const auto check = [&](size_t shard) {
    before(shard);
    return VerifyReport{.frames = static_cast<int64_t>(shard),
                        .problems = {"one", "of shard " + std::to_string(shard)}};
  };
  const auto take = [&](const VerifyReport& report) {
    EXPECT_EQ(report.problems.back(), "of shard " + std::to_string(report.frames));
    outcome.frames.push_back(report.frames);
  };
  outcome.ending = verify_in_child(first, last, check, take);
  return outcome;
}

using Frames = std::vector<int64_t>;

TEST(VerifyChild, AnswersForEveryShard) {
  const auto outcome = verify(2, 5, [](size_t) {});
  EXPECT_EQ(outcome.frames, (Frames{2, 3, 4}));
  EXPECT_EQ(outcome.ending, "");
}

TEST(VerifyChild, ItsEndIsToldWithTheReportsBeforeIt) {
  const auto outcome = verify(0, 5, [](size_t shard) {
    if (shard == 3) std::raise(SIGKILL);
  });
  EXPECT_EQ(outcome.frames, (Frames{0, 1, 2}));
  EXPECT_EQ(outcome.ending, "reading it ended in Killed: the system may be out of memory");
}

TEST(VerifyChild, ACrashOfHdf5IsItsSentenceAlone) {
  const auto outcome = verify(0, 2, [](size_t) {
    const H5Lock lock;
    set_h5_subject("some/shard.h5");
    std::raise(SIGABRT);
  });
  EXPECT_EQ(outcome.frames, Frames{});
  EXPECT_EQ(outcome.ending,
            "some/shard.h5: HDF5 itself crashed while it read this file, whose metadata must be "
            "damaged; copy or make the file again");
}

TEST(VerifyChild, AnExceptionIsThrownHere) {
  EXPECT_THROW(verify(0, 2, [](size_t) { throw std::bad_alloc(); }), std::bad_alloc);
  EXPECT_THROW(verify(0, 2, [](size_t) { throw std::logic_error("odd"); }), std::runtime_error);
}

}  // namespace
}  // namespace nextframe
