// The actions of one shard: read, checked, and moved to the frames that they lead from.
#pragma once

#include <ATen/core/Tensor.h>

#include "data/action_rows.h"
#include "data/action_space.h"
#include "data/layouts/layout.h"

namespace nextframe {

struct ShardActions {
  /// int64 [T] discrete, float32 [T, A] continuous or buttons of 0 and 1, undefined without
  /// actions. Row t leads to frame t+1, also where the file declares in `action_alignment` that its
  /// rows led to their frames.
  at::Tensor values;
  at::Tensor stored;  // as the file has them, for its checksum
  /// As declared by the file or by the enum type of its actions. Other discrete actions have width
  /// 0 here; the dataset finds their largest choice.
  ActionSpace space;
  ActionAlignment alignment = ActionAlignment::after;  // of the stored rows
};

/// From where `table` says that they are, in one dataset or in many. Throws DataError without the
/// file's name.
ShardActions read_shard_actions(const H5File& file, const EpisodeTable& table, int64_t num_frames,
                                const EpisodeRanges& episodes);

}  // namespace nextframe
