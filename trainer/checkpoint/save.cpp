// The writing half of store.h: the commit, and a save that is waited for.

#include "data/durable_file.h"
#include "trainer/checkpoint/background_saver.h"
#include "trainer/checkpoint/store.h"

namespace nextframe {
namespace fs = std::filesystem;

std::string checkpoint_name(int64_t step) {
  const auto digits = std::to_string(step);
  return "step_" + std::string(8 - std::min<size_t>(8, digits.size()), '0') + digits;
}

void commit_checkpoint(const fs::path& temporary, const fs::path& final_folder, Manifest manifest,
                       const std::vector<std::string>& pieces) {
  manifest.world_size = static_cast<int64_t>(pieces.size());
  for (const auto& of_rank : pieces) merge_pieces(manifest, of_rank);
  manifest.digest = digest_of(manifest);
  write_durably(temporary / kManifestName, to_json(manifest));
  // The same step once more: what is there is older than this run's newest valid one, or broken.
  const fs::path replaced = final_folder.string() + kReplacedSuffix;
  fs::remove_all(replaced);
  if (is_pinned(final_folder)) set_pinned(temporary, true);
  if (fs::exists(fs::symlink_status(final_folder))) rename_durably(final_folder, replaced);
  rename_durably(temporary, final_folder);
}

fs::path save_checkpoint(const fs::path& checkpoints, const RunState& state, Manifest manifest,
                         Communicator& world) {
  BackgroundSaver saver(world, checkpoints, {}, [](const std::string&) {});
  saver.begin(state, std::move(manifest));
  saver.finish();
  return checkpoints / checkpoint_name(state.position.step);
}

}  // namespace nextframe
