#include "trainer/checkpoint/background_saver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"
#include "trainer/checkpoint/rank_part.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

struct SavedModel : torch::nn::Module {
  SavedModel() {
    weight = register_parameter("weight", at::randn({3, kChunkElements + 17}));
    bias = register_parameter("bias", at::randn({5}));
  }
  at::Tensor weight, bias;
};

class BackgroundSaverTest : public ::testing::Test {
 protected:
  BackgroundSaverTest() : parameters_(model_), moment_(at::randn_like(parameters_.values())) {
    char pattern[] = "/tmp/nextframe-saver-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~BackgroundSaverTest() override { fs::remove_all(folder_); }

  RunState state(int64_t step) {
    return {parameters_,
            {{"moment1", moment_}, {"parameters", parameters_.values()}},
            {step, step * 8, 42, {}, {}}};
  }

  BackgroundSaver make_saver(Communicator& world, int64_t keep = 100, double timeout_s = 30) {
    return {
        world, folder_, {{keep}, timeout_s}, [this](const std::string& line) { said_ += line; }};
  }

  /// Steps of a run that does nothing else, until the saver is in no stage of a save.
  static int64_t step_until_saved(BackgroundSaver& saver, Communicator& world,
                                  const fs::path& checkpoint) {
    for (int64_t step = 1; step < 5000; ++step) {
      const std::vector<double> own = {double(!saver.has_saved()), double(saver.has_failed()),
                                       double(!fs::exists(checkpoint))};
      const auto news = at::tensor(own, at::kDouble);
      world.all_reduce(news).wait();
      saver.advance(news[0].item<double>() == 0, news[1].item<double>() != 0);
      if (news[2].item<double>() == 0) return step;  // all ranks see it
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return 0;
  }

  /// The bytes of a rank's file by the plain definition: its chunks, back to back.
  std::string expected_bytes(int64_t rank, int64_t world_size) {
    std::string bytes;
    for (const auto& chunk : part_of_rank(state(7), rank, world_size).chunks) {
      bytes.append(reinterpret_cast<const char*>(chunk.values),
                   static_cast<size_t>(chunk.count) * sizeof(float));
    }
    return bytes;
  }

  SavedModel model_;
  FlatParameters parameters_;
  at::Tensor moment_;
  fs::path folder_;
  std::string said_;
};

TEST_F(BackgroundSaverTest, SavesWhatTheStateWasWhateverBecomesOfIt) {
  const auto digest = state_digest(state(7));
  const std::vector<std::string> bytes = {expected_bytes(0, 2), expected_bytes(1, 2)};
  const auto saved = folder_ / checkpoint_name(7);
  std::barrier<> both(2);
  run_ranks(2, [&](Communicator& world) {
    auto saver = make_saver(world);
    saver.begin(state(7), {});
    both.arrive_and_wait();
    if (world.rank() == 0) parameters_.values().zero_(), moment_.fill_(3);
    EXPECT_GT(step_until_saved(saver, world, saved), 1);
    saver.finish();
  });
  EXPECT_TRUE(verify_checkpoint(saved).empty());
  EXPECT_EQ(read_manifest(saved).digest, digest);
  for (const int64_t rank : {0, 1}) {
    EXPECT_TRUE(read_text(saved / rank_file_name(rank)) == bytes[static_cast<size_t>(rank)]);
  }
}

TEST_F(BackgroundSaverTest, TheNextSaveWaitsForTheOneBeforeAndSaysSoOnce) {
  run_ranks(1, [&](Communicator& world) {
    auto saver = make_saver(world, 2);
    for (const int64_t step : {1, 2, 3, 4}) saver.begin(state(step), {});
    EXPECT_GT(saver.take_stall_s(), 0);
    EXPECT_EQ(saver.take_stall_s(), 0);
    saver.finish();
  });
  EXPECT_EQ(list_checkpoints(folder_),
            (std::vector<fs::path>{folder_ / checkpoint_name(3), folder_ / checkpoint_name(4)}));
  const std::string told = "step 2 is to be saved while step_00000001 is still being written";
  EXPECT_EQ(said_.find(told), 0u) << said_;
  EXPECT_EQ(said_.find("to be saved", told.size()), std::string::npos) << said_;
}

TEST_F(BackgroundSaverTest, WhatOneRankCannotWriteEndsAllAtTheNextStep) {
  save_checkpoint(folder_, state(1), {}, *make_solo_communicator());
  // A folder stands where rank 1 wants to put its file.
  const auto blocker = folder_ / (checkpoint_name(7) + kSavingSuffix) / rank_file_name(1);
  fs::create_directories(blocker / "x");
  run_ranks(3, [&](Communicator& world) {
    auto saver = make_saver(world);
    saver.begin(state(7), {});
    try {
      step_until_saved(saver, world, folder_ / checkpoint_name(7));
      ADD_FAILURE() << "rank " << world.rank() << " noticed nothing";
    } catch (const CheckpointError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("failed on rank 1: cannot create " + blocker.string()),
                std::string::npos)
          << message;
    }
  });
  EXPECT_FALSE(fs::exists(blocker.parent_path() / rank_file_name(0)));
  EXPECT_FALSE(fs::exists(blocker.parent_path() / rank_file_name(2)));
  EXPECT_TRUE(verify_checkpoint(folder_ / checkpoint_name(1)).empty());
}

TEST_F(BackgroundSaverTest, AFailedCommitEndsAllRanksAndLeavesNothing) {
  run_ranks(2, [&](Communicator& world) {
    auto saver = make_saver(world);
    saver.begin(state(7), {});
    // A folder stands where the manifest has to go; it can be made once rank 0 has begun.
    if (world.rank() == 0)
      fs::create_directories(folder_ / (checkpoint_name(7) + kSavingSuffix) / kManifestName / "x");
    world.barrier().wait();
    EXPECT_THROW(saver.finish(), CheckpointError);
  });
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(BackgroundSaverTest, ADiskThatHangsIsAnErrorOnAllRanksInTime) {
  // Opening a pipe that nobody reads never returns.
  const auto temporary = folder_ / (checkpoint_name(7) + kSavingSuffix);
  fs::create_directories(temporary);
  const auto pipe = temporary / rank_file_name(1);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0644), 0);
  std::thread repair;
  run_ranks(2, [&](Communicator& world) {
    auto saver = make_saver(world, 100, 0.2);
    saver.begin(state(7), {});
    if (world.rank() == 1) {
      repair = std::thread([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(600));
        const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        close(reader);
      });
    }
    try {
      saver.finish();
      ADD_FAILURE() << "rank " << world.rank() << " noticed nothing";
    } catch (const CheckpointError& error) {
      EXPECT_NE(std::string(error.what()).find("writing " + pipe.string() + " made no progress"),
                std::string::npos)
          << error.what();
    }
  });
  repair.join();
}

}  // namespace
}  // namespace nextframe
