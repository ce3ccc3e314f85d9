// Attention masks for tests, and what they mean in words.
#pragma once

#include "kernels/attention_mask.h"

namespace nextframe::testing_attention {

/// Frames of `frame_tokens`; every field behind may be left out.
inline AttentionMask frames(int64_t frame_tokens, int64_t window = 0, int64_t sink = 0,
                            int64_t clip = 0) {
  AttentionMask mask;
  mask.frame_tokens = frame_tokens, mask.window_frames = window, mask.sink_frames = sink,
  mask.clip_frames = clip;
  return mask;
}

/// What a query sees, from the words: frames, a window, sinks, clips.
inline bool may_look(const AttentionMask& mask, int64_t query, int64_t key) {
  if (mask.frame_tokens == 0) return true;
  const int64_t now = (mask.first_query + query) / mask.frame_tokens,
                then = key / mask.frame_tokens;
  if (then > now) return false;
  if (mask.clip_frames > 0 && then / mask.clip_frames != now / mask.clip_frames) return false;
  const int64_t in_clip = mask.clip_frames > 0 ? then % mask.clip_frames : then;
  return mask.window_frames == 0 || now - then < mask.window_frames || in_clip < mask.sink_frames;
}

}  // namespace nextframe::testing_attention
