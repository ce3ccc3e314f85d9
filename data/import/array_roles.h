// Which of a file's arrays are frames, actions and ends of episodes: by their names and shapes, or
// as the user says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/import/array_file.h"
#include "data/importer.h"

namespace nextframe {

struct ArrayRoles {
  std::string frames;
  std::string letters;                // of the axes of the frames, see FrameArray
  std::string actions;                // "" without actions
  std::vector<std::string> episodes;  // arrays that tell where episodes begin or end
  std::vector<std::string> ignored;
};

/// Throws DataError with all arrays and the flag that settles it where several could be meant, or
/// none.
ArrayRoles find_roles(const ArrayFile& file, const ReadOptions& options);

/// Whether the arrays are written as Dreamer writes them: the action beside a frame led to it.
bool is_dreamers(const ArrayFile& file);

/// Lengths of the episodes of `num_frames` frames by the arrays that tell; a single episode where
/// there are none. Throws DataError that names file and array.
std::vector<int64_t> episode_lengths(const ArrayFile& file, const ArrayRoles& roles,
                                     int64_t num_frames);

}  // namespace nextframe
