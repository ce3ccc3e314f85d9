// The removing half of store.h: old checkpoints, and what interrupted saves left.

#include <algorithm>

#include "trainer/checkpoint/store.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

/// Renamed first, so that a half-removed one can never be taken for a checkpoint.
void remove_folder(const fs::path& folder) {
  fs::path trash = folder;
  if (folder.extension().empty()) fs::rename(folder, trash = folder.string() + ".trash");
  fs::remove_all(trash);
}

}  // namespace

std::vector<std::string> remove_leftovers(const fs::path& checkpoints) {
  std::vector<fs::path> leftovers;
  std::error_code ignored;  // a folder that is not there has none
  for (const auto& entry : fs::directory_iterator(checkpoints, ignored)) {
    const auto extension = entry.path().extension();
    if (extension == ".tmp" || extension == ".trash" || extension == ".replaced")
      leftovers.push_back(entry.path());
  }
  std::vector<std::string> removed;
  for (const auto& leftover : leftovers) {
    const auto place = fs::path(leftover).replace_extension();
    if (leftover.extension() == ".replaced" && !fs::exists(place)) {
      fs::rename(leftover, place);  // what was to replace it never came
      continue;
    }
    remove_folder(leftover);
    removed.push_back(leftover.filename());
  }
  return removed;
}

std::vector<std::string> prune_checkpoints(const fs::path& checkpoints, int64_t keep,
                                           std::set<fs::path>& known_valid) {
  std::vector<std::string> removed;
  const auto committed = list_checkpoints(checkpoints);
  int64_t num_valid = 0;
  for (auto checkpoint = committed.rbegin(); checkpoint != committed.rend(); ++checkpoint) {
    if (num_valid >= std::max<int64_t>(keep, 2)) {
      remove_folder(*checkpoint);
      removed.push_back(checkpoint->filename());
      continue;
    }
    // A broken one is kept for whoever wants to look; it does not count.
    if (!known_valid.contains(*checkpoint) && verify_checkpoint(*checkpoint).empty()) {
      known_valid.insert(*checkpoint);
    }
    num_valid += static_cast<int64_t>(known_valid.count(*checkpoint));
  }
  for (auto& leftover : remove_leftovers(checkpoints)) removed.push_back(std::move(leftover));
  return removed;
}

}  // namespace nextframe
