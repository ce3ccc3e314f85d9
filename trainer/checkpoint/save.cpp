// This file is the writing half of store.h: every rank its chunks, then one commit, then the
// retention.

#include <algorithm>

#include "data/durable_file.h"
#include "launch/roll_call.h"
#include "trainer/checkpoint/share.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

std::string rank_file_name(int64_t rank) {
  auto digits = std::to_string(rank);
  return "rank-" + std::string(5 - std::min<size_t>(5, digits.size()), '0') + digits + ".bin";
}

/// Writes what one rank has to write. Chunks that follow one another become one piece.
std::string write_share(const fs::path& folder, const std::string& file_name, const Share& share) {
  DurableFile file(folder / file_name);
  std::vector<StoredTensor> tensors;
  int64_t next = 0;  // chunk that would go on with the last piece
  for (const auto& chunk : share.chunks) {
    const bool is_new = tensors.empty() || tensors.back().name != chunk.tensor;
    if (is_new) tensors.push_back({chunk.tensor, chunk.sizes, {}});
    auto& pieces = tensors.back().pieces;
    if (is_new || chunk.number != next)
      pieces.push_back({file_name, file.bytes_written(), chunk.number, 0, {}});
    pieces.back().num_elements += chunk.count;
    pieces.back().chunk_hashes.push_back(
        chunk_hash(chunk.tensor, chunk.sizes, chunk.number, chunk.values, chunk.count));
    file.append(chunk.values, static_cast<size_t>(chunk.count) * sizeof(float));
    next = chunk.number + 1;
  }
  file.finish();
  return pieces_to_json(tensors, file_name, file.bytes_written());
}

/// Runs `body` on every rank; the first error of any rank becomes everybody's CheckpointError.
void on_all_ranks(Communicator& world, const std::string& what, const std::function<void()>& body) {
  std::string problem;
  try {
    body();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const auto problems = gather_strings(world, problem);
  for (size_t rank = 0; rank < problems.size(); ++rank) {
    if (!problems[rank].empty()) {
      throw CheckpointError(
          what + " failed on rank " + std::to_string(rank) + ": " + problems[rank] +
          "\nEarlier checkpoints are untouched; make room or repair the disk, then start the same "
          "command again.");
    }
  }
}

void commit(const fs::path& temporary, const fs::path& final_folder, Manifest manifest,
            const std::vector<std::string>& shares, const Position& position) {
  manifest.position = position;
  manifest.world_size = static_cast<int64_t>(shares.size());
  for (const auto& share : shares) merge_pieces(manifest, share);
  manifest.digest = digest_of(manifest);
  write_durably(temporary / kManifestName, to_json(manifest));
  rename_durably(temporary, final_folder);
}

}  // namespace

std::string checkpoint_name(int64_t step) {
  const auto digits = std::to_string(step);
  return "step_" + std::string(8 - std::min<size_t>(8, digits.size()), '0') + digits;
}

fs::path save_checkpoint(const fs::path& checkpoints, const RunState& state, Manifest manifest,
                         Communicator& world) {
  const auto final_folder = checkpoints / checkpoint_name(state.position.step);
  const fs::path temporary = final_folder.string() + ".tmp";
  const auto what = "saving " + final_folder.string();
  on_all_ranks(world, what, [&] {
    if (world.rank() != 0) return;
    fs::remove_all(temporary);
    // The same step once more: what is there is older than this run's newest valid one, or broken.
    const fs::path replaced = final_folder.string() + ".replaced";
    fs::remove_all(replaced);
    if (fs::exists(final_folder)) rename_durably(final_folder, replaced);
    make_folder(temporary);
  });
  std::string share;
  on_all_ranks(world, what, [&] {
    share = write_share(temporary, rank_file_name(world.rank()),
                        share_of(state, world.rank(), world.size()));
  });
  const auto shares = gather_strings(world, share);
  on_all_ranks(world, what, [&] {
    if (world.rank() == 0)
      commit(temporary, final_folder, std::move(manifest), shares, state.position);
  });
  return final_folder;
}

std::vector<std::string> prune_checkpoints(const fs::path& checkpoints, int64_t keep,
                                           std::set<fs::path>& known_valid) {
  std::vector<std::string> removed;
  if (!fs::is_directory(checkpoints)) return removed;
  const auto remove = [&](const fs::path& folder) {
    // Renamed first, so that a half-removed one can never be taken for a checkpoint.
    fs::path trash = folder;
    if (folder.extension() != ".trash") fs::rename(folder, trash = folder.string() + ".trash");
    fs::remove_all(trash);
    removed.push_back(folder.filename());
  };
  const auto committed = list_checkpoints(checkpoints);
  int64_t num_valid = 0;
  for (auto checkpoint = committed.rbegin(); checkpoint != committed.rend(); ++checkpoint) {
    if (num_valid >= std::max<int64_t>(keep, 2)) {
      remove(*checkpoint);
      continue;
    }
    // A broken one is kept for whoever wants to look; it does not count.
    if (!known_valid.contains(*checkpoint) && verify_checkpoint(*checkpoint).empty()) {
      known_valid.insert(*checkpoint);
    }
    num_valid += static_cast<int64_t>(known_valid.count(*checkpoint));
  }
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(checkpoints)) {
    const auto extension = entry.path().extension();
    if (extension == ".tmp" || extension == ".trash" || extension == ".replaced")
      leftovers.push_back(entry.path());
  }
  for (const auto& leftover : leftovers) remove(leftover);
  return removed;
}

}  // namespace nextframe
