#include "launch/rendezvous.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <memory>

namespace nextframe {
namespace {
namespace fs = std::filesystem;
using std::chrono::milliseconds;

struct ArrivalsTest : ::testing::Test {
  ArrivalsTest() { fs::create_directories(folder); }
  ~ArrivalsTest() override { fs::remove_all(folder); }

  std::unique_ptr<RendezvousWatch> arrive(int64_t rank, milliseconds limit,
                                          std::function<void(const std::string&)> on_missing) {
    LauncherEnvironment environment;
    environment.rank = rank;
    environment.size = 3;
    environment.job = "77.";
    return std::make_unique<RendezvousWatch>(folder / "runs" / "mine", environment, limit,
                                             std::move(on_missing));
  }
  int64_t num_files() const {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
  }

  const fs::path folder = fs::temp_directory_path() / ("arrivals_" + std::to_string(getpid()));
};

TEST(DescribeMissing, RanksAreNamedAndThoseThatAreHereWithTheirHosts) {
  EXPECT_EQ(describe_missing_ranks({{0, "a"}, {2, "b"}}, 4, 300),
            "2 of 4 ranks have not come within 300 s: rank 1, rank 3; here are rank 0 on a, rank 2 "
            "on b");
  EXPECT_EQ(describe_missing_ranks({{0, "a"}, {1, "b"}}, 2, 300),
            "all 2 ranks have come, and MPI has not started within 300 s: look at the network "
            "between rank 0 on a, rank 1 on b");
  EXPECT_NE(describe_missing_ranks({{0, "a"}}, 64, 300).find("rank 8 and 55 more; here"),
            std::string::npos);
}

TEST_F(ArrivalsTest, TheLowestRankTellsWhoIsMissing) {
  std::promise<std::string> told;
  const auto second = arrive(2, milliseconds(100000), [](const std::string&) { FAIL(); });
  const auto first =
      arrive(1, milliseconds(50), [&](const std::string& text) { told.set_value(text); });
  EXPECT_NE(told.get_future().get().find("1 of 3 ranks have not come within 0 s: rank 0; here are"),
            std::string::npos);
}

TEST_F(ArrivalsTest, OnceAllHaveComeNothingIsLeft) {
  std::ofstream(folder / ".mine.start.5..1") << "of a start that was killed";
  std::ofstream(folder / ".other.start.5..1") << "of another run";
  {
    const auto one = arrive(1, milliseconds(100000), [](const std::string&) { FAIL(); });
    const auto zero = arrive(0, milliseconds(100000), [](const std::string&) { FAIL(); });
    EXPECT_EQ(num_files(), 4);
  }
  EXPECT_EQ(num_files(), 1);
}

TEST_F(ArrivalsTest, AFolderThatCannotBeWrittenStopsNobody) {
  LauncherEnvironment environment;
  environment.size = 2;
  environment.job = "7.";
  const RendezvousWatch arrivals("/proc/nothing/mine", environment, milliseconds(1),
                                 [](const std::string&) { FAIL(); });
  std::this_thread::sleep_for(milliseconds(20));
}

}  // namespace
}  // namespace nextframe
