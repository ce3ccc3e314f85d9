#include "trainer/evaluate/windows.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace nextframe {

std::vector<Window> teacher_forced_windows(int64_t episode_frames, int64_t clip_frames) {
  TORCH_CHECK(clip_frames >= 2, "evaluate: clips of ", clip_frames,
              " frames predict nothing; data.clip_frames must be 2 or more");
  const int64_t frames = std::min(clip_frames, episode_frames);
  const int64_t advance = std::max<int64_t>(1, frames / 2);
  std::vector<Window> windows;
  int64_t next_target = kFirstScoredFrame;
  for (int64_t end = frames; next_target < episode_frames;
       end = std::min(end + advance, episode_frames)) {
    if (end <= next_target) continue;
    windows.push_back({end - frames, frames, next_target});
    next_target = end;
  }
  return windows;
}

}  // namespace nextframe
