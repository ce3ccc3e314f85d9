#include "trainer/checkpoint/background_saver.h"

#include <algorithm>

#include "data/durable_file.h"
#include "kernels/base/clock.h"
#include "launch/rank_agreement.h"
#include "trainer/checkpoint/rank_part.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

/// Adds the time that it lives.
class AddTime {
 public:
  explicit AddTime(double& sum_s) : sum_s_(sum_s) {}
  ~AddTime() { sum_s_ += seconds_since(start_); }

 private:
  double& sum_s_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A failed commit leaves nothing that takes room.
void commit(const fs::path& temporary, const fs::path& final_folder, Manifest manifest,
            const std::vector<std::string>& pieces) {
  try {
    commit_checkpoint(temporary, final_folder, std::move(manifest), pieces);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
}

/// An old checkpoint that cannot be removed is no reason to stop; returns why.
std::string prune(const fs::path& checkpoints, const Retention& retention,
                  std::set<fs::path>& known_valid) {
  try {
    prune_checkpoints(checkpoints, retention, known_valid);
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

BackgroundSaver::BackgroundSaver(Communicator& control, fs::path checkpoints, SaveOptions options,
                                 std::function<void(const std::string&)> say)
    : control_(control),
      checkpoints_(std::move(checkpoints)),
      options_(options),
      say_(std::move(say)) {}

void BackgroundSaver::begin(const RunState& state, Manifest manifest) {
  if (stage_ != Stage::idle && !std::exchange(has_reported_waiting_, true)) {
    say_(
        "step " + std::to_string(state.position.step) + " is to be saved while " +
        final_folder_.filename().string() +
        " is still being written: the run waits for the disk, now and whenever that happens again");
  }
  finish();
  const AddTime stopwatch(stall_s_);
  began_ = std::chrono::steady_clock::now();
  final_folder_ = checkpoints_ / checkpoint_name(state.position.step);
  manifest_ = std::move(manifest);
  manifest_.position = state.position;
  const auto path = temporary() / rank_file_name(control_.rank());
  const auto part = std::make_shared<const RankPart>(
      buffer_.hold(part_of_rank(state, control_.rank(), control_.size())));
  writer_.start("writing " + path.string(), [path, part](WriterPulse& pulse) {
    make_folder(path.parent_path());
    return write_rank_part(path, *part, pulse);
  });
  stage_ = Stage::writing;
}

void BackgroundSaver::advance(bool have_all_saved, bool has_any_failed) {
  if (stage_ == Stage::idle || !(have_all_saved || has_any_failed)) return;
  const AddTime stopwatch(stall_s_);
  end_stage(writer_.is_done() ? writer_.wait(0) : WriterOutcome{});
}

void BackgroundSaver::finish() {
  const AddTime stopwatch(stall_s_);
  while (stage_ != Stage::idle) end_stage(writer_.wait(options_.timeout_s));
}

/// Every rank's result or problem to every rank.
void BackgroundSaver::end_stage(const WriterOutcome& own) {
  auto told = gather_strings(control_, own.problem.empty() ? "=" + own.text : "!" + own.problem);
  for (size_t rank = 0; rank < told.size(); ++rank) {
    if (told[rank].front() == '!') fail(rank, told[rank].substr(1));
  }
  for (auto& text : told) text.erase(0, 1);
  if (stage_ == Stage::writing) {
    stage_ = Stage::committing;
    if (control_.rank() == 0) start_commit(told);
  } else {
    stage_ = Stage::idle;
    longest_save_s_ = std::max(longest_save_s_, seconds_since(began_));
    if (!told[0].empty()) say_("old checkpoints were not removed: " + told[0]);
  }
}

void BackgroundSaver::start_commit(const std::vector<std::string>& pieces) {
  // Copies throughout: a thread that hangs outlives this object.
  writer_.start("committing " + final_folder_.string(),
                [=, manifest = std::move(manifest_), from = temporary(), to = final_folder_,
                 checkpoints = checkpoints_, retention = options_.retention,
                 known_valid = known_valid_](WriterPulse& pulse) {
                  commit(from, to, manifest, pieces);
                  pulse.beat();
                  known_valid->insert(to);  // every rank has read its part back
                  return prune(checkpoints, retention, *known_valid);
                });
}

void BackgroundSaver::fail(size_t rank, const std::string& problem) {
  const bool was_writing = stage_ == Stage::writing;
  stage_ = Stage::idle;
  writer_.cancel();
  if (was_writing && writer_.is_done()) {
    std::error_code ignored;  // what cannot be removed now is removed at the next start
    fs::remove(temporary() / rank_file_name(control_.rank()), ignored);
    fs::remove(temporary(), ignored);  // the last rank's; it is not empty before
  }
  throw CheckpointError("saving " + final_folder_.string() + " failed on rank " +
                        std::to_string(rank) + ": " + problem +
                        "\nEarlier checkpoints are untouched; make room or repair the disk, then "
                        "start the same command again.");
}

double BackgroundSaver::take_stall_s() { return std::exchange(stall_s_, 0); }

}  // namespace nextframe
