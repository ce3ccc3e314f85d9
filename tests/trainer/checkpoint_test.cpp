#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "tests/trainer/thread_world.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

/// A model whose larger parameter spans three chunks, the last one ragged.
struct CheckpointModel : torch::nn::Module {
  CheckpointModel() {
    weight = register_parameter("weight", at::randn({2, kChunkElements + 17}));
    bias = register_parameter("bias", at::randn({5}));
  }
  at::Tensor weight, bias;
};

class Checkpoint : public ::testing::Test {
 protected:
  Checkpoint()
      : parameters_(model_),
        rules_({.ema_decay = 0.9}, parameters_),
        optimizer_(parameters_, rules_) {
    char pattern[] = "/tmp/nextframe-checkpoint-XXXXXX";
    folder_ = mkdtemp(pattern);
    optimizer_.update(at::randn_like(parameters_.values()), 1, 0.1, 1.0);
  }
  ~Checkpoint() override { fs::remove_all(folder_); }

  RunState state(int64_t step = 7) {
    StepHistory history{{0.1, 1.0 / 3}, {1e-310, 2e300}, 5, 2, {8, 9}, 1, 6};
    return {parameters_, optimizer_.state(), {step, step * 8, 42, {{3, 0}, {1, 40}}, history}};
  }

  fs::path save(int64_t step = 7, int64_t world_size = 1) {
    fs::path saved;
    run_ranks(world_size, [&](Communicator& world) {
      const auto path = save_checkpoint(folder_, state(step), Manifest{}, world);
      if (world.rank() == 0) saved = path;
    });
    return saved;
  }

  static void flip_bit(const fs::path& path, int64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const char byte = static_cast<char>(file.get());
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 4));
  }

  CheckpointModel model_;
  FlatParameters parameters_;
  UpdateRules rules_;
  Optimizer optimizer_;
  fs::path folder_;
};

TEST_F(Checkpoint, ReadsBackTheSameBitsAndPosition) {
  const auto saved = save();
  const auto before = state_digest(state());
  const auto position = state().position;
  for (const auto& buffer : state().buffers) buffer.values.zero_();
  EXPECT_EQ(load_state(saved, read_manifest(saved), state()), position);
  EXPECT_EQ(state_digest(state()), before);
}

TEST_F(Checkpoint, AnyNumberOfWritersGivesOneDigest) {
  const auto digest = state_digest(state());
  for (const int64_t world_size : {1, 2, 3, 4}) {
    const auto saved = save(7, world_size);
    EXPECT_EQ(read_manifest(saved).digest, digest) << world_size;
    EXPECT_TRUE(verify_checkpoint(saved).empty());
    EXPECT_EQ(static_cast<int64_t>(read_manifest(saved).file_bytes.size()), world_size);
  }
}

TEST_F(Checkpoint, DigestKnowsEveryElementAndThePosition) {
  const auto before = state_digest(state());
  EXPECT_NE(state_digest(state(8)), before);
  for (auto* change : std::vector<void (*)(Position&)>{
           [](Position& p) { p.set_aside.pop_back(); }, [](Position& p) { p.seed += 1; },
           [](Position& p) { p.set_aside[0].from_slot += 1; },
           [](Position& p) { p.history.losses[0] = std::nextafter(p.history.losses[0], 1); },
           [](Position& p) { p.history.suspects[1] += 1; },
           [](Position& p) { p.history.bad_in_row += 1; },
           [](Position& p) {
             p.segments = {{0, 100, 1}, {8, 160, 2}};
           }}) {
    auto changed = state();
    change(changed.position);
    EXPECT_NE(state_digest(changed), before);
  }
  auto last = parameters_.values()[parameters_.chunks().back().offset];
  last.add_(1.0);
  EXPECT_NE(state_digest(state()), before);
}

TEST_F(Checkpoint, KeepsWhichShardsCountFromWhereOn) {
  auto manifest = read_manifest(save());
  manifest.position.samples = 20;
  manifest.position.segments = {{0, 100, 1}, {8, 160, 2}};
  manifest.shards = {{.name = "a b.h5",
                      .frames = 160,
                      .episodes = 4,
                      .frame_shape = {8, 8, 3},
                      .episode_hash = "e",
                      .action_hash = "",
                      .sample_hash = "s",
                      .frames_hash = "f"}};
  const auto read = parse_manifest(to_json(manifest), "manifest");
  EXPECT_EQ(read.position.segments, manifest.position.segments);
  EXPECT_EQ(read.shards, manifest.shards);
  manifest.position.segments = {{8, 160, 2}, {0, 100, 1}};
  EXPECT_THROW(parse_manifest(to_json(manifest), "manifest"), CheckpointError);
}

TEST_F(Checkpoint, ReadsASliceAcrossChunksAndPieces) {
  const auto saved = save(7, 3);
  const auto manifest = read_manifest(saved);
  const auto& stored = manifest.tensors.back();
  ASSERT_EQ(stored.name, "parameters/weight");
  const auto slice = read_slice(saved, stored, kChunkElements - 3, kChunkElements + 9);
  EXPECT_TRUE(at::equal(
      slice, model_.weight.detach().view(-1).narrow(0, kChunkElements - 3, kChunkElements + 9)));
}

TEST_F(Checkpoint, AnyFlippedBitIsNamed) {
  const auto saved = save();
  const auto data = saved / "rank-00000.bin";
  const auto manifest = saved / kManifestName;
  for (const auto& [path, offset] : std::vector<std::pair<fs::path, int64_t>>{
           {data, 0}, {data, 300001}, {manifest, 60}, {manifest, 400}}) {
    flip_bit(path, offset);
    const auto problems = verify_checkpoint(saved);
    ASSERT_FALSE(problems.empty()) << path << " at " << offset;
    EXPECT_NE(problems.front().find(path.filename().string()), std::string::npos)
        << problems.front();
    flip_bit(path, offset);
  }
  EXPECT_TRUE(verify_checkpoint(saved).empty());
}

TEST_F(Checkpoint, NewestValidOneIsFoundAndTheBrokenOneNamed) {
  save(1), save(2);
  const auto newest = save(3);
  fs::resize_file(newest / "rank-00000.bin", 100);
  std::string said;
  const auto found =
      newest_valid_checkpoint(folder_, [&](const std::string& line) { said += line; });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->filename(), checkpoint_name(2));
  EXPECT_NE(said.find("has 100 bytes"), std::string::npos) << said;
}

TEST_F(Checkpoint, WithoutAManifestItDoesNotExist) {
  const auto saved = save();
  fs::remove(saved / kManifestName);
  EXPECT_THROW(newest_valid_checkpoint(folder_, [](const std::string&) {}), CheckpointError);
  fs::remove_all(saved);
  EXPECT_FALSE(newest_valid_checkpoint(folder_, [](const std::string&) {}).has_value());
}

TEST_F(Checkpoint, PruningKeepsTheNewestTwoValidOnesWhateverIsAsked) {
  save(1), save(2), save(3);
  fs::remove(save(4) / kManifestName);
  flip_bit(save(6) / "rank-00000.bin", 5000);
  const auto interrupted = folder_ / (checkpoint_name(5) + kSavingSuffix);
  fs::create_directory(interrupted);
  std::set<fs::path> known_valid;
  prune_checkpoints(folder_, {.keep = 1}, known_valid);
  std::vector<std::string> names;
  for (const auto& checkpoint : list_checkpoints(folder_)) names.push_back(checkpoint.filename());
  EXPECT_EQ(names, (std::vector<std::string>{checkpoint_name(2), checkpoint_name(3),
                                             checkpoint_name(4), checkpoint_name(6)}));
  EXPECT_FALSE(fs::exists(interrupted));
}

TEST_F(Checkpoint, ANameIsOursOnlyIfItIsExactlyWhatAStepIsCalled) {
  EXPECT_EQ(checkpoint_step("a/step_00000005"), 5);
  EXPECT_EQ(checkpoint_step("step_123456789"), 123456789);
  for (const std::string name :
       {"step_00000005_best", "step_00000005 (copy)", "step_5", "step_000000005", "step_0000000a",
        "step_+0000005", "step_-0000005", "step_", "step_00000005.bak", "Step_00000005",
        "step_99999999999999999999", "notes.tmp", ".DS_Store", ""})
    EXPECT_FALSE(checkpoint_step(name).has_value()) << name;
}

TEST_F(Checkpoint, StepsAreOrderedAsNumbers) {
  save(100000000), save(99999999);
  EXPECT_EQ(newest_valid_checkpoint(folder_, [](const std::string&) {})->filename(),
            "step_100000000");
}

TEST_F(Checkpoint, WhatIsNotOursIsNeitherPrunedNorTakenForTheNewest) {
  for (const int64_t step : {1, 2, 3, 4}) save(step);
  const auto copy = [&](const std::string& name) {
    fs::copy(folder_ / checkpoint_name(1), folder_ / name, fs::copy_options::recursive);
  };
  copy(checkpoint_name(0)), copy(checkpoint_name(9));  // renamed: they hold step 1
  copy("step_00000001_best"), copy("step_00000001.tmp"), copy("notes.tmp"), copy("a.trash");
  fs::create_directory(folder_ / "x.nextframe.tmp");
  std::ofstream(folder_ / ".DS_Store").put('x');
  std::set<fs::path> known_valid;
  const auto removed = prune_checkpoints(folder_, {.keep = 2}, known_valid);
  EXPECT_EQ(removed, (std::vector<std::string>{checkpoint_name(2), checkpoint_name(1)}));
  for (const auto* name : {"step_00000000", "step_00000009", "step_00000001_best", "notes.tmp",
                           "step_00000001.tmp", "a.trash", "x.nextframe.tmp", ".DS_Store"})
    EXPECT_TRUE(fs::exists(folder_ / name)) << name;
  std::string said;
  const auto newest =
      newest_valid_checkpoint(folder_, [&](const std::string& line) { said += line; });
  EXPECT_EQ(newest->filename(), checkpoint_name(4));
  EXPECT_NE(said.find("holds step 1, so it was copied or renamed"), std::string::npos) << said;
}

TEST_F(Checkpoint, APinnedOneIsNeverPruned) {
  for (const int64_t step : {1, 2, 3, 4}) save(step);
  set_pinned(folder_ / checkpoint_name(1), true);
  std::set<fs::path> known_valid;
  EXPECT_EQ(prune_checkpoints(folder_, {.keep = 2}, known_valid),
            std::vector<std::string>{checkpoint_name(2)});
  save(1);  // once more, as after a step back: the pin stays
  EXPECT_TRUE(is_pinned(folder_ / checkpoint_name(1)));
  EXPECT_TRUE(verify_checkpoint(folder_ / checkpoint_name(1)).empty());
  set_pinned(folder_ / checkpoint_name(1), false);
  EXPECT_EQ(prune_checkpoints(folder_, {.keep = 2}, known_valid),
            std::vector<std::string>{checkpoint_name(1)});
}

TEST_F(Checkpoint, TheBestStayBesideTheNewest) {
  const auto checkpoints = folder_ / "checkpoints";
  for (const int64_t step : {1, 2, 3, 4, 5}) {
    run_ranks(1, [&](Communicator& world) {
      save_checkpoint(checkpoints, state(step), Manifest{}, world);
    });
    if (step == 2) continue;  // not evaluated
    const auto report = folder_ / "eval" / checkpoint_name(step);
    fs::create_directories(report);
    std::ofstream(report / "report.json")
        << R"({"suites":{"quality":{"one_step":{"mse":{"value":0.)" << (step == 3 ? 1 : 9 - step)
        << "}}}}}";
  }
  std::set<fs::path> known_valid;
  EXPECT_EQ(prune_checkpoints(checkpoints, {.keep = 2, .keep_best = 1}, known_valid),
            (std::vector<std::string>{checkpoint_name(2), checkpoint_name(1)}));
}

TEST_F(Checkpoint, OneThatWasToBeReplacedComesBackUnlessItWas) {
  const auto first = save(1), second = save(2);
  fs::rename(first, first.string() + kReplacedSuffix);
  fs::copy(second, second.string() + kReplacedSuffix, fs::copy_options::recursive);
  EXPECT_EQ(remove_leftovers(folder_),
            std::vector<std::string>{checkpoint_name(2) + kReplacedSuffix});
  EXPECT_EQ(list_checkpoints(folder_),
            (std::vector<fs::path>{folder_ / checkpoint_name(1), folder_ / checkpoint_name(2)}));
}

TEST_F(Checkpoint, AnotherModelsCheckpointIsRefused) {
  const auto saved = save();
  torch::nn::Linear other(3, 4);
  FlatParameters parameters(*other);
  const UpdateRules rules({}, parameters);
  Optimizer optimizer(parameters, rules);
  EXPECT_THROW(load_state(saved, read_manifest(saved), {parameters, optimizer.state(), {}}),
               CheckpointError);
}

/// A matrix of two chunks and one of one chunk, that Muon updates, and a vector.
struct BlockModel : torch::nn::Module {
  BlockModel() {
    const auto trunk = register_module("blocks", std::make_shared<torch::nn::Module>());
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(5);  // ranks are threads
    trunk->register_parameter("0_in", at::randn({3, 40000}, generator));
    trunk->register_parameter("0_out", at::randn({20, 10}, generator));
    register_parameter("places", at::randn({70000}, generator));
  }
};

/// What one rank has of a run with Muon.
struct MuonState {
  MuonState(const char* shard, Communicator& world)
      : parameters(model),
        rules({.matrices = "muon"}, parameters),
        sharding(parse_shard(shard, world.size()), 1 << 20, world, parameters, rules.stays_whole()),
        optimizer(parameters, rules, &sharding) {}

  RunState state() const { return {parameters, optimizer.state(), {1, 8, 42, {}, {}}}; }
  void step() {
    auto gradient = parameters.values().clone();  // any
    if (sharding.is_split()) gradient = sharding.owners()->pack(gradient, sharding.owner());
    optimizer.update(gradient, 1, 0.1, 1.0);
    sharding.finish_gathering();
  }

  BlockModel model;
  FlatParameters parameters;
  UpdateRules rules;
  Sharding sharding;
  Optimizer optimizer;
};

TEST_F(Checkpoint, OfMuonHasNoSecondMomentsAndIsReadOnAnyNumberOfRanks) {
  std::set<Hash> digests;
  for (const char* shard : {"none", "optimizer"}) {
    for (const int64_t writers : {1, 2, 4}) {
      fs::path saved;
      run_ranks(writers, [&](Communicator& world) {
        MuonState run(shard, world);
        run.step();
        const auto path = save_checkpoint(folder_, run.state(), Manifest{}, world);
        const auto digest = state_digest(run.state(), world);
        if (world.rank() != 0) return;
        saved = path;
        digests.insert(digest);
        EXPECT_EQ(read_manifest(path).digest, digest);
      });
      std::set<std::string> names;
      for (const auto& tensor : read_manifest(saved).tensors) names.insert(tensor.name);
      EXPECT_EQ(names,
                (std::set<std::string>{"moment1/blocks.0_in", "moment1/blocks.0_out",
                                       "moment1/places", "moment2/places", "parameters/blocks.0_in",
                                       "parameters/blocks.0_out", "parameters/places"}));
      EXPECT_TRUE(verify_checkpoint(saved).empty());
      for (const int64_t readers : {1, 3}) {
        run_ranks(readers, [&](Communicator& world) {
          MuonState run("optimizer", world);
          load_state(saved, read_manifest(saved), run.state());
          const auto digest = state_digest(run.state(), world);
          EXPECT_EQ(digest, read_manifest(saved).digest) << readers << " of " << writers;
        });
      }
    }
  }
  EXPECT_EQ(digests.size(), 1U);
}

TEST_F(Checkpoint, AFailedSaveEndsOnEveryRankAndLeavesTheOldOnes) {
  save(1);
  // A file stands where the folder of the new checkpoint has to go.
  std::ofstream(folder_ / "blocker").put('x');
  run_ranks(2, [&](Communicator& world) {
    EXPECT_THROW(save_checkpoint(folder_ / "blocker", state(2), Manifest{}, world),
                 CheckpointError);
  });
  EXPECT_TRUE(verify_checkpoint(folder_ / checkpoint_name(1)).empty());
}

}  // namespace
}  // namespace nextframe
