// `nextframe data import`: converts recordings in other formats into shards.
#pragma once

#include <filesystem>
#include <string>

#include "data/dataset_folder.h"

namespace nextframe {

struct ImportOptions {
  std::filesystem::path source;
  std::filesystem::path out;
  int64_t validation_episodes = 0;         // the first ones are held out
  int64_t shard_bytes = int64_t{1} << 30;  // of frames, before compression
  int64_t fps = 0;                         // 0: unknown
  std::string filter = "zstd";
  bool replace = false;  // what an earlier import has left in `out`
};

/// False if the same import of the same source has been finished here before. DataError if the
/// source has changed since, unless it is to be replaced. Progress counts frames.
bool import_dataset(const ImportOptions& options, const Progress& progress);

/// "name: summary" of every layout, a line each.
std::string known_layouts();

}  // namespace nextframe
