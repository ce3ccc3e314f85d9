// Asynchronous checkpointing: a step waits only for a copy in memory, and a thread writes it to
// disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/rank_part.h"
#include "trainer/checkpoint/run_state.h"
#include "trainer/checkpoint/store.h"
#include "trainer/checkpoint/writer.h"

namespace nextframe {

struct SaveOptions {
  Retention retention;     // default: all stay
  double timeout_s = 600;  // without progress on disk, before waiting becomes an error
};

/// A save has two stages: every rank writes its part; once all have, rank 0 commits and
/// removes old checkpoints. Ranks exchange their status in every step and change the stage in
/// the same one, so no rank waits for another's disk unless it must. There is one save at a
/// time. A CheckpointError is thrown on all ranks together, and leaves the saver unusable. The
/// destructor cancels a save in progress.
class BackgroundSaver {
 public:
  /// `control` moves host tensors, outlives the saver and is used only by the caller's thread.
  BackgroundSaver(Communicator& control, std::filesystem::path checkpoints, SaveOptions options,
                  std::function<void(const std::string&)> say);

  /// Copies this rank's part and returns. Waits for the previous save, if it is still in
  /// progress. `manifest` has everything that is not a tensor. Collective.
  void begin(const RunState& state, Manifest manifest);

  bool is_under_way() const { return stage_ != Stage::idle; }

  /// This rank's status: whether it has finished its part of the stage, and whether it has failed.
  bool has_saved() const { return writer_.is_done(); }
  bool has_failed() const { return writer_.has_failed(); }

  /// Takes the status of all ranks, in every step, and goes on to the next stage. Collective.
  void advance(bool have_all_saved, bool has_any_failed);

  /// Waits until the save in progress, if any, is committed. Collective.
  void finish();

  /// Seconds that the caller waited in this object since the last call of this function.
  double take_stall_s();

  /// Seconds from begin() to the commit, for the longest save.
  double longest_save_s() const { return longest_save_s_; }

 private:
  enum class Stage { idle, writing, committing };

  void start_commit(const std::vector<std::string>& pieces);
  void end_stage(const WriterOutcome& own);
  void fail(size_t rank, const std::string& problem);
  std::filesystem::path temporary() const { return final_folder_.string() + kSavingSuffix; }

  Communicator& control_;
  std::filesystem::path checkpoints_;
  SaveOptions options_;
  std::function<void(const std::string&)> say_;
  PartBuffer buffer_;
  Stage stage_ = Stage::idle;
  std::filesystem::path final_folder_;  // of the save under way
  Manifest manifest_;
  /// Checkpoints that were already verified. Used only by the writer's thread, which may outlive
  /// the saver.
  std::shared_ptr<std::set<std::filesystem::path>> known_valid_ =
      std::make_shared<std::set<std::filesystem::path>>();
  bool has_reported_waiting_ = false;
  double stall_s_ = 0, longest_save_s_ = 0;
  std::chrono::steady_clock::time_point began_;  // the save under way
  Writer writer_;                                // last, so that its thread ends first
};

}  // namespace nextframe
