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

/// Collective. Every rank writes its part of `state`; then one rank commits the whole by fsync,
/// rename, fsync of the folder: a reader sees the old checkpoints or this one complete, never a
/// mix. `manifest` gives what is not a tensor. Throws CheckpointError on all ranks, naming the file
/// and the reason, when any rank fails. Returns the checkpoint's folder. Runs that go on meanwhile
/// have a BackgroundSaver.
std::filesystem::path save_checkpoint(const std::filesystem::path& checkpoints,
                                      const RunState& state, Manifest manifest,
                                      Communicator& world);

/// One rank, once all have written their parts: the folder gets its manifest and then its name.
/// `pieces` is what write_rank_part returned, by rank. Throws FileError.
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

/// The newest checkpoint that verifies; tells `say` why a newer one was passed over. Throws
/// CheckpointError when there are checkpoints and none of them is valid.
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

/// Removes all but the newest `keep` (at least 2) valid checkpoints, and what interrupted saves
/// left behind. Every byte of those it keeps is read against its hash, except of those in
/// `known_valid`, to which it adds what it has read. Returns the names removed.
std::vector<std::string> prune_checkpoints(const std::filesystem::path& checkpoints, int64_t keep,
                                           std::set<std::filesystem::path>& known_valid);

/// Removes what interrupted saves and removals left behind; a checkpoint that was to be replaced
/// and was not comes back. Returns the names removed.
std::vector<std::string> remove_leftovers(const std::filesystem::path& checkpoints);

}  // namespace nextframe
