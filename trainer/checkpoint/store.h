// A run's checkpoints: write one, list them, find the newest valid one, read any tensor.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/run_state.h"

namespace nextframe {

/// Folder name of a step: step_00001000.
std::string checkpoint_name(int64_t step);

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

/// Committed checkpoints, oldest first; valid or not.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& checkpoints);

/// Reads and checks a checkpoint's manifest and the sizes of its files. Throws CheckpointError.
Manifest read_manifest(const std::filesystem::path& checkpoint);

/// Reads every byte of a checkpoint against its hashes. Returns what is wrong, a line each; empty
/// when valid.
std::vector<std::string> verify_checkpoint(const std::filesystem::path& checkpoint);

/// The newest checkpoint that verifies; calls `say` with the reason why a newer one was
/// skipped. Throws CheckpointError if there are checkpoints but none is valid.
std::optional<std::filesystem::path> newest_valid_checkpoint(
    const std::filesystem::path& checkpoints, const std::function<void(const std::string&)>& say);

/// Elements [first, first + count) of a flattened tensor, float32 on the CPU, checked chunk by
/// chunk.
at::Tensor read_slice(const std::filesystem::path& checkpoint, const StoredTensor& tensor,
                      int64_t first, int64_t count);

/// Fills the buffers of `state` from a checkpoint; names and sizes must agree. Returns its
/// position.
Position load_state(const std::filesystem::path& checkpoint, const Manifest& manifest,
                    const RunState& state);

/// Removes all but the newest `keep` (at least 2) valid checkpoints, and what interrupted
/// saves left behind. Verifies every byte of those it keeps, except of those in `known_valid`,
/// and adds them to that set. Returns the names removed.
std::vector<std::string> prune_checkpoints(const std::filesystem::path& checkpoints, int64_t keep,
                                           std::set<std::filesystem::path>& known_valid);

/// Removes what interrupted saves and removals left behind; restores a checkpoint whose
/// replacement was interrupted. Returns the names removed.
std::vector<std::string> remove_leftovers(const std::filesystem::path& checkpoints);

}  // namespace nextframe
