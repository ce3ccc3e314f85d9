// What a run has written, changed by somebody: manifests that parse and lie, lines of
// metrics.jsonl.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "data/error.h"
#include "kernels/torch.h"
#include "tests/data/mutation.h"
#include "tests/data/scratch_folder.h"
#include "tests/trainer/thread_world.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"
#include "trainer/load_run.h"
#include "trainer/records/metrics_log.h"

namespace nextframe::testing_mutation {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kConfig =
    "data: {train: a.h5, clip_frames: 4}\nmodel: {name: frame_mlp, dim: 8}\n"
    "objective: {name: regress}\noptimizer: {ema_decay: 0.9}\n";

/// A checkpoint of a small model, whose manifest is exchanged.
class MutatedManifest : public ::testing::Test {
 protected:
  MutatedManifest() {
    const auto config = parse_config(kConfig, "run.yaml");
    Manifest manifest;
    manifest.config = to_yaml(config);
    manifest.shape = {4, 8, 8, 3, 2};
    manifest.action_scale = {{1.5, -0.1}, {1.0 / 3, 1e-7}};
    const auto model = config.make_model(manifest.shape);
    FlatParameters parameters(*model);
    const UpdateRules rules({.ema_decay = 0.9}, parameters);
    Optimizer optimizer(parameters, rules);
    run_ranks(2, [&](Communicator& world) {
      const RunState state{parameters, optimizer.state(), {7, 56, 42, {{3, 0}}, {}}};
      const auto saved = save_checkpoint(folder_.path(), state, manifest, world);
      if (world.rank() == 0) checkpoint_ = saved;
    });
    right_ = Json::parse(read_text(path()));
  }

  std::string path() const { return (checkpoint_ / kManifestName).string(); }

  /// Writes it with the checksum that belongs to it, so that the lies are reached.
  void write(Json json) {
    if (json.is_object()) {
      json.erase("checksum");
      json["checksum"] = text_hash(json.dump());
    }
    write_file(path(), json.dump(1));
  }

  /// What loading says of the right manifest after `change`; "" if it is taken.
  std::string error_after(const std::function<void(Json&)>& change) {
    auto json = right_;
    change(json);
    write(json);
    try {
      load_run(checkpoint_.string());
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  }

  ScratchFolder folder_;
  fs::path checkpoint_;
  Json right_;
};

TEST_F(MutatedManifest, IsTakenOrRefusedByName) {
  write(right_);
  load_run(checkpoint_.string());
  FileMutator mutate(5);
  const int count = num_mutants(1500);
  const int accepted = read_mutants<CheckpointError>(count, checkpoint_.string(), [&](int i) {
    if (i % 8 == 0) {
      write_file(path(), mutate.bytes(right_.dump(1)));
    } else {
      auto json = right_;
      mutate.tree(json);
      write(json);
    }
    load_run(checkpoint_.string());
  });
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, count);
}

TEST_F(MutatedManifest, TheScaleOfTheActionsComesBackBitByBit) {
  const ActionScale scale{{1.5, -0.1}, {1.0 / 3, 1e-7}};
  EXPECT_EQ(load_run(checkpoint_.string()).action_scale, scale);
  auto older = right_;
  older.erase("action_scale");
  write(older);
  EXPECT_TRUE(load_run(checkpoint_.string()).action_scale.is_empty());
}

TEST_F(MutatedManifest, LiesAreTold) {
  const auto says = [&](const std::string& what, const std::function<void(Json&)>& change) {
    const auto error = error_after(change);
    EXPECT_NE(error.find(what), std::string::npos) << error;
    EXPECT_NE(error.find(path()), std::string::npos) << error;
  };
  says("'step' = -1 is not an integer", [](Json& json) { json["step"] = -1; });
  says("'step' = 1e+300 is not an integer", [](Json& json) { json["step"] = 1e300; });
  says("'height_px' = \"8\" is not an integer", [](Json& json) { json["height_px"] = "8"; });
  says("cannot be made: a size is 0", [](Json& json) { json["width_px"] = 0; });
  says("does not accept", [](Json& json) { json["config"] = "trainer: {steps: many}"; });
  says("do not fit together",
       [](Json& json) { json["tensors"][0]["pieces"][0]["file_offset"] = int64_t{1} << 52; });
  says("do not fit together",
       [](Json& json) { json["tensors"][0]["pieces"][0]["num_elements"] = int64_t{1} << 52; });
  says("do not fit together", [](Json& json) {
    auto& pieces = json["tensors"];
    pieces[1]["pieces"][0]["file"] = pieces[0]["pieces"][0]["file"];
    pieces[1]["pieces"][0]["file_offset"] = pieces[0]["pieces"][0]["file_offset"];
  });
  says("is incomplete", [](Json& json) {
    json["tensors"][0]["sizes"] = {int64_t{1} << 40, int64_t{1} << 40, int64_t{1} << 48};
  });
  says("does not come after", [](Json& json) { json["tensors"].push_back(json["tensors"][0]); });
  for (const auto& [centre, scale] : {std::pair{Json{0, 0}, Json{1, 0}},
                                      {Json{0, 0}, Json{1, -1}},
                                      {Json{0, 0}, Json{1}},
                                      {Json{0, 0, 0}, Json{1, 1, 1}},
                                      {Json::array(), Json::array()}}) {
    says("'action_scale' is not a centre and a scale above 0",
         [&, c = centre, s = scale](Json& json) {
           json["action_scale"] = {{"centre", c}, {"scale", s}};
         });
  }
  says("is not a file of a checkpoint", [](Json& json) { json["file_bytes"]["../../x"] = 3; });
}

TEST_F(MutatedManifest, BracketsThatNestWithoutEndAreRefused) {
  auto text = right_.dump();
  text.insert(1, "\"x\": " + std::string(200000, '[') + std::string(200000, ']') + ", ");
  write_file(path(), text);
  EXPECT_THROW(read_manifest(checkpoint_), CheckpointError);
}

TEST_F(MutatedManifest, WhatIsNoFileIsNotOpened) {
  fs::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_THROW(read_manifest(checkpoint_), CheckpointError);
}

TEST(MutatedMetrics, AreKeptButForDamagedLines) {
  const ScratchFolder folder;
  const auto path = folder / "metrics.jsonl";
  const auto line = [](int64_t step) {
    StepRecord record;
    record.step = step;
    return to_json_line(record) + "\n";
  };
  FileMutator mutate(6);
  const std::vector<std::string> pieces = {
      std::string(40, '\0'), "null", "{\"step\": 1e300}", "[", "{\"step\": \"3\"}", "{}", "\xff",
      "{\"step\": null}"};
  read_mutants<FileError>(num_mutants(300), path, [&](int) {
    write_file(path, line(1) + mutate.bytes(line(2) + line(3), pieces) + "\n" + line(4));
    const MetricsLog log(path, 4, [](const std::string&) {});
    const auto text = read_text(path);
    EXPECT_TRUE(text.starts_with(line(1)) && text.ends_with(line(4))) << text;
  });
}

TEST(MutatedMetrics, DamagedLinesAreToldOnce) {
  const ScratchFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_file(path, "{\"step\":1}\n" + std::string(40, '\0') + "\n{\"ste\n{\"step\":2}\n");
  std::vector<std::string> said;
  const auto say = [&](const std::string& text) { said.push_back(text); };
  { const MetricsLog log(path, 9, say); }
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("2 lines were damaged and left out (the first is line 2)"),
            std::string::npos)
      << said[0];
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":2}\n");
  { const MetricsLog log(path, 9, say); }
  EXPECT_EQ(said.size(), 1U);
}

}  // namespace
}  // namespace nextframe::testing_mutation
