#include "data/shard_file.h"

#include <thread>

#include "data/dataset.h"
#include "data/shard_reader.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

int64_t num_open_below(const std::filesystem::path& folder) {
  int64_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(entry.path(), error);
    count += contains(target.string(), folder.string()) ? 1 : 0;
  }
  return count;
}

class ShardFileTest : public testing::Test {
 protected:
  void TearDown() override { set_max_open_shards(0); }

  void write_shards(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      write_shard(folder / c10::str("s", i + 10, ".h5"), {numbered_episode(10 + i)});
    }
  }

  const ScratchFolder folder;
};

TEST_F(ShardFileTest, AsManyStayOpenAsMay) {
  write_shards(12);
  set_max_open_shards(4);
  const Dataset dataset(folder / "*.h5", 8, 1);
  EXPECT_EQ(num_open_below(folder.path()), 4);
  EXPECT_EQ(dataset.read_episode(0, 0, 10).frames_THWC.size(0), 10);
  EXPECT_EQ(num_open_below(folder.path()), 4);
}

TEST_F(ShardFileTest, NoneStaysOpenWithoutADataset) {
  write_shards(3);
  { const Dataset dataset(folder / "*.h5", 8, 1); }
  EXPECT_EQ(num_open_below(folder.path()), 0);
}

TEST_F(ShardFileTest, ManyThreadsReadMoreShardsThanMayBeOpen) {
  write_shards(12);
  const Dataset all_open(folder / "*.h5", 8, 1);
  std::vector<at::Tensor> expected;
  for (int64_t e = 0; e < 12; ++e) expected.push_back(all_open.read_episode(e, 0, 10).frames_THWC);
  set_max_open_shards(2);
  const Dataset dataset(folder / "*.h5", 8, 1);
  std::atomic<int64_t> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int64_t i = 0; i < 60; ++i) {
          const int64_t e = (i * (thread + 5)) % 12;
          wrong += at::equal(dataset.read_episode(e, 0, 10).frames_THWC,
                             expected[static_cast<size_t>(e)])
                       ? 0
                       : 1;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(ShardFileTest, AFileThatIsCutWhileItIsOpenHasChanged) {
  write_shards(1);
  const Dataset dataset(folder / "*.h5", 8, 1);
  std::filesystem::resize_file(folder / "s10.h5", 3000);
  try {
    dataset.read_episode(0, 0, 10);
    FAIL() << "frames that are not there";
  } catch (const DataChanged& error) {
    EXPECT_TRUE(contains(error.what(), "s10.h5: was written to while it was being read"));
    EXPECT_TRUE(contains(error.what(), "now it has 3000")) << error.what();
  }
}

TEST_F(ShardFileTest, AFileThatIsClosedAndReplacedHasChanged) {
  write_shards(4);
  set_max_open_shards(1);
  const Dataset dataset(folder / "*.h5", 8, 1);
  write_shard(folder / "s10.h5", {numbered_episode(10)});  // other noise
  EXPECT_THROW(dataset.read_episode(0, 0, 10), DataChanged);
}

TEST_F(ShardFileTest, AFileThatIsOnlyTouchedHasNotChanged) {
  write_shards(1);
  const Dataset dataset(folder / "*.h5", 8, 1);
  const auto later = std::filesystem::last_write_time(folder / "s10.h5") + std::chrono::hours(1);
  std::filesystem::last_write_time(folder / "s10.h5", later);
  EXPECT_EQ(dataset.read_episode(0, 0, 10).frames_THWC.size(0), 10);
}

}  // namespace
}  // namespace nextframe
