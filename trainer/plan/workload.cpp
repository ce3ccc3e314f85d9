#include "trainer/plan/workload.h"

#include <algorithm>
#include <map>

namespace nextframe {
namespace {

constexpr int64_t kPaddedTo = 16;  // elements; see FlatParameters

}  // namespace

Workload workload_of(const Config& config, const WorldModel& model) {
  Workload work;
  std::map<std::string, int64_t> blocks;  // "blocks.3" -> elements
  for (const auto& item : model.named_parameters()) {
    const int64_t count = item.value().numel();
    work.parameters += count;
    work.flat_elements += (count + kPaddedTo - 1) / kPaddedTo * kPaddedTo;
    ++work.tensors;
    const auto& name = item.key();
    auto& place = name.starts_with("blocks.") ? blocks[name.substr(0, name.find('.', 7))]
                                              : work.outside_elements;
    place += count;
  }
  for (const auto& [name, count] : blocks)
    work.block_elements = std::max(work.block_elements, count);
  const auto& trainer = config.trainer;
  work.grains = trainer.grains;
  work.clips_per_grain = trainer.global_batch / trainer.grains;
  work.tokens_per_step = trainer.global_batch * model.tokens_per_clip();
  work.frames_per_step = trainer.global_batch * config.data.clip_frames;
  work.flops_per_grain = model.flops_per_clip() * static_cast<double>(work.clips_per_grain);
  work.has_average = config.optimizer.ema_decay > 0;
  work.shard = config.parallel.shard;
  work.shard_group = config.parallel.shard_group;
  work.is_strict = config.parallel.reduce == "strict";
  work.first_bucket_bytes = config.parallel.first_bucket_bytes;
  work.bucket_bytes = config.parallel.bucket_bytes;
  work.steps = trainer.steps;
  work.checkpoint_every_steps = config.checkpoint.every_steps;
  work.checkpoints_kept = config.checkpoint.keep;
  return work;
}

}  // namespace nextframe
