// One file of NumPy's arrays, understood: where its episodes are, and what its actions hold.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/import/array_file.h"
#include "data/import/array_roles.h"
#include "data/import/frame_array.h"

namespace nextframe {

struct ArrayRecording {
  ArrayFile file;
  ArrayRoles roles;
  FrameArray frames;
  std::vector<int64_t> lengths;  // of its episodes
  at::Tensor actions;            // int64 [R], float32 [R, A], uint8 [R, A] of 0 and 1, or undefined

  int64_t num_frames() const { return frames.num_episodes() * frames.num_frames(); }
  /// Rows of the actions that belong to an episode: as many as its frames, or one less.
  int64_t rows_of(size_t episode) const;
  /// Of an episode whose first row is `first_row`, the actions that follow each of its frames.
  at::Tensor aligned_actions(size_t episode, int64_t first_row, ActionAlignment alignment) const;
  /// "uint8".
  std::string frame_type() const;
};

/// `is_of_folder`: a file without ends of episodes is one. Throws DataError that names the file and
/// its arrays.
ArrayRecording open_recording(const std::filesystem::path& path, const ReadOptions& options,
                              bool is_of_folder);

/// Throws that DataError.
[[noreturn]] void fail_with_arrays(const ArrayFile& file, const std::string& what);

/// What the file's array 'action_alignment' says, if it has one.
std::optional<ActionAlignment> declared_alignment(const ArrayFile& file,
                                                  const ReadOptions& options);

/// Widens `low` and `high` to the smallest and largest value of all frames, which are read for it.
void look_at_values(const ArrayRecording& recording, double& low, double& high);

}  // namespace nextframe
