// `nextframe data import`: converts recordings in other formats into shards.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "data/dataset_folder.h"
#include "data/import/import_plan.h"

namespace nextframe {

struct ImportOptions {
  std::filesystem::path source;
  std::filesystem::path out;
  std::string layout;               // the importer's name; "": the only one that accepts the source
  int64_t validation_episodes = 0;  // to hold out; drawn by `seed`
  double hold_out = 0;              // or a share of all, 0 to 1
  int64_t seed = 0;                 // of the draw
  int64_t shard_bytes = int64_t{1} << 30;  // of frames, before compression
  int64_t fps = 0;                         // 0: as the source says; videos are resampled to it
  std::string filter = "zstd";
  FrameSize size;        // of the stored frames
  ReadOptions read;      // how the source is understood
  bool replace = false;  // what an earlier import has left in `out`
  bool dry_run = false;  // tell the plan and stop
};

/// Takes what the import is going to write.
using TellPlan = std::function<void(const ImportPlan&)>;

/// Takes the files that were skipped or are not whole, each with the reason, after all others were
/// imported.
using TellProblems = std::function<void(const std::vector<std::string>&)>;

/// False if nothing was written: the same import of the same source has been finished here before,
/// or it is a dry run. DataError if the source has changed since, unless it is to be replaced.
/// Progress counts frames.
bool import_dataset(const ImportOptions& options, const Progress& progress,
                    const TellPlan& tell = nullptr, const TellProblems& tell_problems = nullptr);

/// "name: summary" of every layout, a line each.
std::string known_layouts();

}  // namespace nextframe
