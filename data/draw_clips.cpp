#include "data/draw_clips.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/error.h"
#include "data/shard_set.h"
#include "kernels/base/philox.h"

namespace nextframe {
namespace {

int64_t num_windows(int64_t episode_frames, int64_t frames) {
  return episode_frames == 0 ? 0 : std::max<int64_t>(episode_frames - frames + 1, 1);
}

ShownClip read_shown_clip(const ShardReader& shard, size_t episode, int64_t first, int64_t frames) {
  const int64_t count = std::min(frames, shard.episode_frames()[episode] - first);
  const int64_t row = shard.episode_offsets()[episode] + first;
  const auto [H, W, C] = shard.frame_shape();
  ShownClip clip{shard.path().filename().string(),
                 static_cast<int64_t>(episode),
                 first,
                 at::empty({count, H, W, C}, at::kByte),
                 {},
                 shard.action_space()};
  shard.read_frames(row, count, 1, clip.frames_THWC.data_ptr<uint8_t>());
  if (shard.actions().defined() && shard.actions().numel() > 0) {
    clip.actions = shard.actions().slice(0, row, row + count);
  }
  return clip;
}

}  // namespace

std::vector<ShownClip> draw_clips(const std::string& glob, int64_t count, int64_t frames,
                                  int64_t seed, const ReadAs& read_as) {
  const auto shards = open_shards(glob, read_as);
  int64_t windows = 0;
  for (const auto& shard : shards) {
    for (const int64_t length : shard.episode_frames()) windows += num_windows(length, frames);
  }
  if (windows == 0) throw DataError(shards.front().path().string() + ": holds no frames");
  std::vector<ShownClip> clips;
  for (int64_t number = 0; number < count; ++number) {
    const Philox bits(static_cast<uint64_t>(seed), static_cast<uint64_t>(number), 0);
    auto window = static_cast<int64_t>((uint64_t{bits.value[0]} << 31 | bits.value[1] >> 1) %
                                       static_cast<uint64_t>(windows));
    for (const auto& shard : shards) {
      for (size_t e = 0; e < shard.episode_frames().size() && window >= 0; ++e) {
        const int64_t here = num_windows(shard.episode_frames()[e], frames);
        if (window < here) clips.push_back(read_shown_clip(shard, e, window, frames));
        window -= here;
      }
    }
  }
  return clips;
}

}  // namespace nextframe
