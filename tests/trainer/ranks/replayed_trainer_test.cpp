// The whole trainer with recorded steps beside the trainer without: the same digest. What stands in
// for CUDA graphs here runs the recorded body again; that a recording holds no number of its step
// is tests/trainer/grain_pass_test.cpp's.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "data/make_dataset.h"
#include "kernels/torch.h"
#include "launch/hang/hang_exit.h"
#include "launch/rank_agreement.h"
#include "tests/launch/ranks/session.h"
#include "trainer/checkpoint/store.h"
#include "trainer/trainer.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

struct RunAgain final : RecordedGraph {
  RunAgain(std::function<void()> recorded, int64_t& count)
      : body(std::move(recorded)), replays(count) {}
  void replay() override { body(), ++replays; }
  std::function<void()> body;
  int64_t& replays;
};

/// A scratch folder with a few episodes, on all ranks; its end removes it.
class ScratchWorld {
 public:
  explicit ScratchWorld(const World& world) : control_(world.make_host_communicator("scratch")) {
    char pattern[] = "/tmp/replayed_trainer.XXXXXX";
    folder = broadcast_string(*control_, world.is_root() ? mkdtemp(pattern) : "");
    if (world.is_root()) {
      const MakeOptions options{.world = "ball_and_paddle",
                                .out = folder / "data",
                                .episodes = 6,
                                .validation_episodes = 1,
                                .frames = 16,
                                .shards = 1};
      make_dataset(options, [](int64_t, int64_t) {});
    }
    control_->barrier().wait();
  }
  ~ScratchWorld() {
    control_->barrier().wait();
    if (control_->rank() == 0) fs::remove_all(folder);
  }
  fs::path folder;

 private:
  std::unique_ptr<Communicator> control_;
};

Config config_for(const fs::path& folder) {
  return parse_config("data: {train: " + (folder / "data/train/*.h5").string() +
                          ", clip_frames: 6}\n"
                          "model: {name: frame_mlp, dim: 16}\n"
                          "objective: {name: flow}\n"
                          "optimizer: {lr: 0.001, ema_decay: 0.9, clip_norm: 0.01}\n"
                          "schedule: {warmup_steps: 3}\n"
                          "trainer: {steps: 6, global_batch: 10, grains: 5, cuda_graphs: true}\n",
                      "run.yaml");
}

/// The digest of the last checkpoint, on the root.
std::string train(const ScratchWorld& scratch, const World& world, const std::string& name,
                  const GraphRecorder& recorder) {
  const auto config = config_for(scratch.folder);
  const RunFolder run{scratch.folder / name};
  if (world.is_root()) fs::create_directories(run.checkpoints());
  Watchdog watchdog({world.rank(), world.size(), world.host()}, {0, 60}, world.flight_log(),
                    report_hang_and_exit, world.abortables());
  Console console(world.is_root());
  Dataset data(config.data.train, config.data.clip_frames, 1);
  const SignalWatch signals;
  StopRequests stops(signals, {});
  Trainer trainer(config, world, run, config.make_model(data.shape()), data, console, watchdog,
                  recorder);
  trainer.run(stops, {});
  if (!world.is_root()) return "";
  const auto newest = newest_valid_checkpoint(run.checkpoints(), [](const std::string&) {});
  return newest ? read_manifest(*newest).digest : "none";
}

TEST(ReplayedTrainer, HasTheDigestOfTheTrainerThatRunsEachStep) {
  const World world(session(), {"cpu", 1});
  const ScratchWorld scratch(world);
  int64_t replays = 0;
  const GraphRecorder again = [&](const std::function<void()>& body) {
    return std::make_unique<RunAgain>(body, replays);
  };
  const GraphRecorder fails = [](const auto&) -> std::unique_ptr<RecordedGraph> {
    throw std::runtime_error("no graph here");
  };
  const auto expected = train(scratch, world, "run", nullptr);
  EXPECT_EQ(train(scratch, world, "replayed", again), expected);
  EXPECT_EQ(train(scratch, world, "failed", fails), expected);
  EXPECT_EQ(expected.size(), world.is_root() ? 32U : 0U);
  EXPECT_GT(replays, 2);
}

}  // namespace
}  // namespace nextframe
