// The rows of a file's actions as they are stored, in one dataset or in many.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/h5_type.h"
#include "data/layouts/layout.h"

namespace nextframe {

/// Rows of each episode in a shard: how many, and the first of them.
struct EpisodeRanges {
  std::vector<int64_t> frames, offsets;
};

struct ActionRows {
  at::Tensor values;  // int64 or float32, [T] or [T, A]; zeros where an episode has no row
  at::Tensor stored;  // the same as one dataset has them; undefined where there are several
  ElementType type;
};

/// Where `table` says that they are. Throws DataError without the file's name where their rows are
/// not those of the episodes, or where episodes differ in width or kind.
ActionRows read_action_rows(const H5File& file, const EpisodeTable& table, int64_t num_frames,
                            const EpisodeRanges& episodes);

}  // namespace nextframe
