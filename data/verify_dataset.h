// `nextframe data verify`: every checksum of every chunk, every size and hash.
#pragma once

#include <string>
#include <vector>

#include "data/dataset_folder.h"
#include "data/read_as.h"

namespace nextframe {

struct VerifyReport {
  int64_t shards = 0, frames = 0, episodes = 0;
  int64_t chunks = 0;                 // read and decoded
  int64_t chunks_unchecked = 0;       // of these, without a checksum: damage may go unnoticed
  int64_t hashes = 0;                 // shards compared with the hash in index.json
  std::vector<std::string> problems;  // one a place: shard, chunk, frames, episode, reason
};

/// Whether shards are read by a child process, which a crash inside HDF5 may end: then the shard is
/// named, and another child goes on behind it.
enum class VerifyIn { this_process, children };

/// Reads everything that matches; throws DataError only if nothing does. Progress counts shards.
VerifyReport verify_dataset(const std::string& glob, const Progress& progress,
                            VerifyIn where = VerifyIn::this_process, const ReadAs& read_as = {});

}  // namespace nextframe
