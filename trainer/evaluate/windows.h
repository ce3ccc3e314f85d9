// This file is how an episode is cut into clips so that every frame is predicted once from true
// frames.
#pragma once

#include <cstdint>
#include <vector>

namespace nextframe {

/// The first frame of an episode that is scored: earlier ones have too little context to be fair.
constexpr int64_t kFirstScoredFrame = 4;

/// A clip [start, start + frames) of which the predictions of [first_target, start + frames) count.
struct Window {
  int64_t start = 0;
  int64_t frames = 0;
  int64_t first_target = 0;
};

/// Windows of min(clip_frames, episode_frames) frames that predict each of the frames
/// kFirstScoredFrame .. episode_frames - 1 exactly once, in order. After the first, a window moves
/// on by half a clip and counts only its later half, so that a frame is predicted from at least
/// half a clip of true frames; the last window ends with the episode.
std::vector<Window> teacher_forced_windows(int64_t episode_frames, int64_t clip_frames);

}  // namespace nextframe
