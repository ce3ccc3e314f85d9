// What a step of a run requires, whatever machine it runs on.
#pragma once

#include "data/batch.h"
#include "model/world_model.h"
#include "trainer/config/config.h"

namespace nextframe {

struct Workload {
  int64_t parameters = 0;     // elements
  int64_t flat_elements = 0;  // of a flat buffer: with padding between tensors
  int64_t tensors = 0;
  int64_t grains = 1, clips_per_grain = 1;
  int64_t tokens_per_step = 0, frames_per_step = 0;
  double flops_per_grain = 0;    // 0: unknown
  int64_t activation_bytes = 0;  // of one grain; 0: not measured
  int64_t block_elements = 0;    // of the largest block of the trunk
  int64_t outside_elements = 0;  // of everything outside of blocks
  bool has_average = false, is_strict = true;
  std::string shard = "none", shard_group = "world";
  int64_t first_bucket_bytes = 0, bucket_bytes = 0;
  int64_t steps = 0;
  int64_t checkpoint_every_steps = 1, checkpoints_kept = 2;

  int64_t flat_bytes() const { return flat_elements * int64_t{sizeof(float)}; }
  /// Parameters, both moments and the average, without padding.
  int64_t checkpoint_bytes() const {
    return parameters * int64_t{sizeof(float)} * (has_average ? 4 : 3);
  }
};

Workload workload_of(const Config& config, const WorldModel& model);

}  // namespace nextframe
