#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/mpi/mpi_communicator.h"
#include "launch/rank_agreement.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

template <class Call>
std::string environment_error(const Call& call) {
  try {
    call();
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "";
}

/// A folder of the whole job, made by rank 0.
fs::path job_folder(Communicator& all) {
  const auto mine = fs::temp_directory_path() / ("roll_call_test_" + std::to_string(getpid()));
  const fs::path folder = broadcast_string(all, mine.string());
  if (all.rank() == 0) fs::create_directory(folder);
  all.barrier().wait();
  return folder;
}

TEST(RollCall, StringsOfEveryLengthArriveByRank) {
  const auto all = make_mpi_communicator();
  const auto text_of = [](int64_t rank) { return std::string(static_cast<size_t>(rank * 5), 'a'); };
  const auto texts = gather_strings(*all, text_of(all->rank()));
  ASSERT_EQ(texts.size(), static_cast<size_t>(all->size()));
  for (int64_t rank = 0; rank < all->size(); ++rank) {
    EXPECT_EQ(texts[static_cast<size_t>(rank)], text_of(rank));
  }
  const int64_t last = all->size() - 1;
  EXPECT_EQ(broadcast_string(*all, "from " + std::to_string(all->rank()), last),
            "from " + std::to_string(last));
}

TEST(RollCall, EqualValuesPass) {
  const auto all = make_mpi_communicator();
  EXPECT_EQ(environment_error([&] { require_equal(*all, "config hash", "1234"); }), "");
}

TEST(RollCall, DeviatingRankAndHostAreNamedOnEveryRank) {
  const auto all = make_mpi_communicator();
  if (all->size() == 1) return;  // nobody to differ from
  const int64_t last = all->size() - 1;
  const auto message = environment_error(
      [&] { require_equal(*all, "config hash", all->rank() == last ? "feed" : "1234"); });
  EXPECT_NE(message.find("ranks do not agree on the config hash"), std::string::npos) << message;
  const auto culprit = "rank " + std::to_string(last) + " on " + host_name() + " has 'feed'";
  EXPECT_NE(message.find(culprit), std::string::npos) << message;
  if (last > 1) {
    EXPECT_EQ(message.find("rank 1 on"), std::string::npos) << message;
  }
}

TEST(RollCall, ProblemOfOneRankBecomesEverybodys) {
  const auto all = make_mpi_communicator();
  EXPECT_EQ(environment_error([&] { require_no_problem(*all, "disks", ""); }), "");
  const bool is_last = all->rank() == all->size() - 1;
  const auto message =
      environment_error([&] { require_no_problem(*all, "disks", is_last ? "is full" : ""); });
  EXPECT_EQ(message, "disks:\n  rank " + std::to_string(all->size() - 1) + " on " + host_name() +
                         ": is full");
}

TEST(RollCall, SharedFolderPassesAndStaysClean) {
  const auto all = make_mpi_communicator();
  const auto folder = job_folder(*all);
  EXPECT_EQ(environment_error([&] { require_shared_folder(*all, folder); }), "");
  all->barrier().wait();
  EXPECT_TRUE(fs::is_empty(folder));
  all->barrier().wait();
  if (all->rank() == 0) fs::remove_all(folder);
}

TEST(RollCall, RankThatSeesAnotherFolderIsNamed) {
  const auto all = make_mpi_communicator();
  if (all->size() == 1) return;  // alone, any folder is shared
  const auto folder = job_folder(*all);
  const bool is_last = all->rank() == all->size() - 1;
  const auto message = environment_error([&] {
    require_shared_folder(*all, is_last ? folder / "elsewhere" : folder,
                          std::chrono::milliseconds(100));
  });
  const auto culprit =
      "rank " + std::to_string(all->size() - 1) + " on " + host_name() + ": does not see the file";
  EXPECT_NE(message.find(culprit), std::string::npos) << message;
  all->barrier().wait();
  EXPECT_TRUE(fs::is_empty(folder));
  all->barrier().wait();
  if (all->rank() == 0) fs::remove_all(folder);
}

TEST(RollCall, FolderThatRankZeroCannotWriteIsNamed) {
  const auto all = make_mpi_communicator();
  const auto message =
      environment_error([&] { require_shared_folder(*all, "/proc/no_such_folder"); });
  EXPECT_NE(message.find("rank 0 on " + host_name() + ": cannot write /proc/no_such_folder/"),
            std::string::npos)
      << message;
}

}  // namespace
}  // namespace nextframe
