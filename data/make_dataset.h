// `nextframe data make`: records a simulated world into shards.
#pragma once

#include <filesystem>
#include <string>

#include "data/dataset_folder.h"
#include "data/world.h"

namespace nextframe {

struct MakeOptions {
  std::string world;
  std::filesystem::path out;
  int64_t episodes = 2000;
  int64_t validation_episodes = 64;
  int64_t frames = 64;  // an episode
  int64_t seed = 0;
  int64_t shards = 4;  // of the training episodes; validation is one
  std::string filter = "zstd";
  WorldRange range = WorldRange::inside;  // of the world's parameters
  bool has_masks = false;                 // with the column object_mask
};

/// The command line that makes the same data again.
std::string make_command(const MakeOptions& options);

/// False if the same command has been finished here before; continues where it was interrupted.
/// Throws std::invalid_argument for options that make no sense and DataError for the folder.
bool make_dataset(const MakeOptions& options, const Progress& progress);

}  // namespace nextframe
