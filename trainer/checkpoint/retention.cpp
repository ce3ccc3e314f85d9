// The removing half of store.h: old checkpoints, and what interrupted saves left behind.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr char kPinName[] = "pinned";

/// The checkpoint that a name with one of our suffixes is made of; "" when it is not ours.
fs::path place_of(const fs::path& leftover) {
  const auto path = leftover.string();
  for (const std::string suffix : {kSavingSuffix, kRemovingSuffix, kReplacedSuffix}) {
    if (!path.ends_with(suffix)) continue;
    const fs::path place = path.substr(0, path.size() - suffix.size());
    if (checkpoint_step(place)) return place;
  }
  return {};
}

/// Written by us under this name: its manifest says the same step.
bool is_as_named(const fs::path& checkpoint) {
  try {
    const auto path = checkpoint / kManifestName;
    const auto manifest = parse_manifest(read_text(path), path.string());
    return checkpoint_step(checkpoint) == manifest.position.step;
  } catch (const std::exception&) {
    return false;
  }
}

/// The one-step error that an evaluation found after the checkpoint's step, if there was one; of a
/// tokenizer the error of its reconstruction.
std::optional<double> validation_error(const fs::path& checkpoint) {
  const auto run = checkpoint.parent_path().parent_path();
  const auto report = run / "eval" / checkpoint.filename() / "report.json";
  try {
    const auto json = nlohmann::json::parse(read_text(report));
    const auto& suites = json.at("suites");
    const auto& errors = suites.at("quality").contains("one_step")
                             ? suites.at("quality").at("one_step")
                             : suites.at("tokenizer");
    return errors.at("mse").at("value").get<double>();
  } catch (const std::exception&) {
    return std::nullopt;  // not evaluated, or not a number
  }
}

std::set<fs::path> best_checkpoints(const std::vector<fs::path>& checkpoints, int64_t count) {
  std::vector<std::pair<double, fs::path>> by_error;
  if (count < 1) return {};
  for (const auto& checkpoint : checkpoints) {
    if (const auto error = validation_error(checkpoint)) by_error.emplace_back(*error, checkpoint);
  }
  std::sort(by_error.begin(), by_error.end());
  std::set<fs::path> best;
  for (const auto& [error, checkpoint] : by_error) {
    if (static_cast<int64_t>(best.size()) < count) best.insert(checkpoint);
  }
  return best;
}

/// Renamed first, so that a half-removed one can never be taken for a checkpoint. One that was
/// pinned in the last moment gets its name back. Returns whether it was removed.
bool remove_checkpoint(const fs::path& checkpoint) {
  const fs::path trash = checkpoint.string() + kRemovingSuffix;
  fs::rename(checkpoint, trash);
  if (is_pinned(trash)) return fs::rename(trash, checkpoint), false;
  fs::remove_all(trash);
  return true;
}

}  // namespace

std::vector<std::string> remove_leftovers(const fs::path& checkpoints) {
  std::vector<fs::path> leftovers;
  std::error_code ignored;  // a folder that is not there has none
  for (const auto& entry : fs::directory_iterator(checkpoints, ignored)) {
    if (!place_of(entry.path()).empty()) leftovers.push_back(entry.path());
  }
  std::vector<std::string> removed;
  for (const auto& leftover : leftovers) {
    const auto place = place_of(leftover);
    const bool is_removal = leftover.string().ends_with(kRemovingSuffix);
    const bool comes_back =
        leftover.string().ends_with(kReplacedSuffix) || (is_removal && is_pinned(leftover));
    if (comes_back && !fs::exists(place)) {
      fs::rename(leftover, place);  // what was to replace it never came
      continue;
    }
    fs::remove_all(leftover);
    removed.push_back(leftover.filename());
  }
  return removed;
}

std::vector<std::string> prune_checkpoints(const fs::path& checkpoints, const Retention& retention,
                                           std::set<fs::path>& known_valid) {
  std::vector<std::string> removed;
  const auto committed = list_checkpoints(checkpoints);
  const auto best = best_checkpoints(committed, retention.keep_best);
  int64_t num_valid = 0;
  for (auto checkpoint = committed.rbegin(); checkpoint != committed.rend(); ++checkpoint) {
    if (num_valid >= std::max<int64_t>(retention.keep, 2)) {
      const bool stays =
          best.contains(*checkpoint) || is_pinned(*checkpoint) || !is_as_named(*checkpoint);
      if (!stays && remove_checkpoint(*checkpoint)) removed.push_back(checkpoint->filename());
      continue;
    }
    // A broken one is kept for whoever wants to look; it does not count.
    const bool is_new = !known_valid.contains(*checkpoint) && is_as_named(*checkpoint);
    if (is_new && verify_checkpoint(*checkpoint).empty()) known_valid.insert(*checkpoint);
    num_valid += static_cast<int64_t>(known_valid.count(*checkpoint));
  }
  for (auto& leftover : remove_leftovers(checkpoints)) removed.push_back(std::move(leftover));
  return removed;
}

bool is_pinned(const fs::path& checkpoint) {
  std::error_code ignored;
  return fs::exists(checkpoint / kPinName, ignored);
}

void set_pinned(const fs::path& checkpoint, bool is_pinned) {
  std::error_code error;
  if (is_pinned) {
    write_durably(checkpoint / kPinName, "nextframe checkpoint unpin takes this away\n");
  } else if (fs::remove(checkpoint / kPinName, error); error) {
    throw CheckpointError(checkpoint.string() + ": cannot be unpinned: " + error.message());
  }
}

}  // namespace nextframe
