// A run's checkpoints: write one, list them, find the newest valid one, read any tensor.
// The folder may hold files of other people, too: only names of exactly our form are touched.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/run_state.h"

namespace nextframe {

/// Folder name of a step: step_00001000; a step of more than eight digits has all of them.
std::string checkpoint_name(int64_t step);

/// The step in a checkpoint's name; nothing unless the name is exactly what checkpoint_name gives.
std::optional<int64_t> checkpoint_step(const std::filesystem::path& checkpoint);

// Endings of a checkpoint's name while it is saved, while it is removed, and of an older one while
// the same step is saved again.
inline constexpr char kSavingSuffix[] = ".nextframe.tmp";
inline constexpr char kRemovingSuffix[] = ".nextframe.trash";
inline constexpr char kReplacedSuffix[] = ".nextframe.replaced";

/// Every rank writes its part of `state`; then one rank commits the whole by fsync, rename and
/// fsync of the folder. So a reader sees the old checkpoints or this one complete, never a
/// mix. `manifest` has everything that is not a tensor. If any rank fails, throws
/// CheckpointError on all ranks, with the file and the reason. Returns the checkpoint's
/// folder. Collective. BackgroundSaver does the same while training goes on.
std::filesystem::path save_checkpoint(const std::filesystem::path& checkpoints,
                                      const RunState& state, Manifest manifest,
                                      Communicator& world);

/// Commits a checkpoint once all ranks have written their parts: writes the manifest, then
/// renames the folder. `pieces` is what write_rank_part returned, by rank. Called on one rank.
/// Throws FileError.
void commit_checkpoint(const std::filesystem::path& temporary,
                       const std::filesystem::path& final_folder, Manifest manifest,
                       const std::vector<std::string>& pieces);

/// Committed checkpoints by step, oldest first; valid or not. Other names are left out.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& checkpoints);

/// Reads and checks a checkpoint's manifest and the sizes of its files. Throws CheckpointError.
Manifest read_manifest(const std::filesystem::path& checkpoint);

/// Reads every byte of a checkpoint and compares it with its hashes. Returns one line for each
/// thing that is wrong; empty when valid.
std::vector<std::string> verify_checkpoint(const std::filesystem::path& checkpoint);

/// The newest checkpoint that is valid and holds the step that its name says. Tells `say` why a
/// newer one was not taken. Throws CheckpointError when there are checkpoints and none of them is
/// valid.
std::optional<std::filesystem::path> newest_valid_checkpoint(
    const std::filesystem::path& checkpoints, const std::function<void(const std::string&)>& say);

/// Elements [first, first + count) of a flattened tensor, as float32 on the CPU. The hash of every
/// chunk that is read is checked.
at::Tensor read_slice(const std::filesystem::path& checkpoint, const StoredTensor& tensor,
                      int64_t first, int64_t count);

/// Fills the buffers of `state` from a checkpoint; names and sizes must agree. Returns its
/// position.
Position load_state(const std::filesystem::path& checkpoint, const Manifest& manifest,
                    const RunState& state);

/// Which checkpoints are kept; pinned ones always are.
struct Retention {
  int64_t keep = std::numeric_limits<int64_t>::max();  // newest valid ones, at least 2
  int64_t keep_best = 0;  // those with the lowest one-step error in eval/step_.../report.json
};

/// Removes all checkpoints that `retention` does not keep, and what interrupted saves left behind.
/// Checks the hashes of the newest ones first, except of those in `known_valid`, to which it adds
/// those that it found valid. A folder whose manifest is missing, or names another step than the
/// folder, is not known to be ours and stays. Returns the names removed.
std::vector<std::string> prune_checkpoints(const std::filesystem::path& checkpoints,
                                           const Retention& retention,
                                           std::set<std::filesystem::path>& known_valid);

/// A pinned checkpoint is never pruned. The pin is a file in the checkpoint's folder, so it goes
/// where the folder goes. Setting it twice, or taking away one that is not there, changes nothing.
bool is_pinned(const std::filesystem::path& checkpoint);
void set_pinned(const std::filesystem::path& checkpoint, bool is_pinned);

/// Removes what interrupted saves and removals left behind; a checkpoint that was to be replaced
/// and was not comes back. Returns the names removed.
std::vector<std::string> remove_leftovers(const std::filesystem::path& checkpoints);

}  // namespace nextframe
