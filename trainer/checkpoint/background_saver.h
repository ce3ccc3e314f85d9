// Asynchronous checkpointing: a step waits only for a copy in memory, and a thread writes it to
// disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/rank_part.h"
#include "trainer/checkpoint/run_state.h"
#include "trainer/checkpoint/writer.h"

namespace nextframe {

struct SaveOptions {
  int64_t keep = std::numeric_limits<int64_t>::max();  // newest valid checkpoints; all by default
  double timeout_s = 600;  // without progress on disk, after which waiting is an error
};

/// A save has two stages: every rank writes its part; once all have, rank 0 commits and removes
/// old checkpoints. The stage changes on all ranks in the same step, by what they tell each other
/// in it, so no rank ever waits for another's disk unless it has to. One save at a time. After a
/// CheckpointError, which all ranks throw together, the saver is done for. Its destructor gives up
/// a save under way.
class BackgroundSaver {
 public:
  /// `control`, for host tensors, outlives the saver and is used by its caller's thread alone.
  BackgroundSaver(Communicator& control, std::filesystem::path checkpoints, SaveOptions options,
                  std::function<void(const std::string&)> say);

  /// Copies this rank's part and returns. Waits for the save before, if it is still under way.
  /// Collective. The manifest gives what is not a tensor.
  void begin(const RunState& state, Manifest manifest);

  bool is_under_way() const { return stage_ != Stage::idle; }

  /// What this rank has to tell in a step: that it has done its part of the stage, that it cannot.
  bool has_saved() const { return writer_.is_done(); }
  bool has_failed() const { return writer_.has_failed(); }

  /// The same of all ranks, in every step: goes on to the next stage. Collective.
  void advance(bool have_all_saved, bool has_any_failed);

  /// Waits until the save under way, if any, is committed. Collective.
  void finish();

  /// Seconds that the caller waited in this object since it was last asked.
  double take_stall_s();

  /// Seconds from begin() to the commit, of the save that took longest.
  double longest_save_s() const { return longest_save_s_; }

 private:
  enum class Stage { idle, writing, committing };

  void start_commit(const std::vector<std::string>& pieces);
  void end_stage(const WriterOutcome& own);
  void fail(size_t rank, const std::string& problem);
  std::filesystem::path temporary() const { return final_folder_.string() + ".tmp"; }

  Communicator& control_;
  std::filesystem::path checkpoints_;
  SaveOptions options_;
  std::function<void(const std::string&)> say_;
  PartBuffer buffer_;
  Stage stage_ = Stage::idle;
  std::filesystem::path final_folder_;  // of the save under way
  Manifest manifest_;
  /// Each is read back once. Used by the writer's thread alone, which may outlive the saver.
  std::shared_ptr<std::set<std::filesystem::path>> known_valid_ =
      std::make_shared<std::set<std::filesystem::path>>();
  bool has_reported_waiting_ = false;
  double stall_s_ = 0, longest_save_s_ = 0;
  std::chrono::steady_clock::time_point began_;  // the save under way
  Writer writer_;                                // last: its thread ends before what it uses
};

}  // namespace nextframe
