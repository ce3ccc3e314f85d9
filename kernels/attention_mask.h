// The attention mask in closed form: every query sees one interval of keys (its window), and
// perhaps a second one before it (attention sinks). Shared by the CPU, CUDA and their tests.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define NF_MASK_FUNCTION __host__ __device__ __forceinline__
#else
// Never a function of its own: sources compiled for several instruction sets include this.
#define NF_MASK_FUNCTION inline __attribute__((always_inline))
#endif

namespace nextframe {

/// Keys [begin, end); empty when end <= begin.
struct KeyInterval {
  int64_t begin, end;

  NF_MASK_FUNCTION bool contains(int64_t key) const { return begin <= key && key < end; }
};

/// Frame-causal attention: a token sees all tokens of its own frame and of earlier frames.
/// With one token a frame that is plain causal attention. Query i of a call is token
/// `first_query + i`; keys are tokens 0 .. keys - 1, frame after frame. Both ends of both
/// intervals grow with the query.
struct AttentionMask {
  int64_t keys = 0;
  int64_t frame_tokens = 0;  // in a frame; 0: every query sees every key, and the rest is ignored
  int64_t window_frames =
      0;                    // sliding window: newest frames that a query sees, its own too; 0: all
  int64_t sink_frames = 0;  // attention sinks: first frames of the clip, which every query sees
  int64_t clip_frames = 0;  // of each of several independent clips in a row; 0: one clip
  int64_t first_query = 0;  // token number of query 0; above 0 if earlier tokens are not queried

  /// The keys of the newest frames, which a query sees.
  NF_MASK_FUNCTION KeyInterval seen(int64_t query) const {
    if (frame_tokens == 0) return {0, keys};
    const int64_t frame = (first_query + query) / frame_tokens;
    const int64_t clip = first_frame_of_clip(frame);
    const int64_t oldest = window_frames == 0 ? clip : larger(clip, frame - window_frames + 1);
    return {smaller(oldest * frame_tokens, keys), smaller((frame + 1) * frame_tokens, keys)};
  }

  /// The keys of the first frames of its clip, which a query sees besides; ends where seen()
  /// begins, at the latest.
  NF_MASK_FUNCTION KeyInterval sink(int64_t query) const {
    const int64_t begin = frame_tokens == 0 ? 0 : seen(query).begin;
    if (sink_frames == 0 || frame_tokens == 0) return {begin, begin};
    const int64_t clip = first_frame_of_clip((first_query + query) / frame_tokens);
    return {smaller(clip * frame_tokens, begin),
            smaller((clip + sink_frames) * frame_tokens, begin)};
  }

  /// The queries, of `queries`, that see a key: one interval, since sink frames stay visible.
  NF_MASK_FUNCTION KeyInterval seen_by(int64_t key, int64_t queries) const {
    if (frame_tokens == 0) return {0, queries};
    const int64_t frame = key / frame_tokens;
    const int64_t clip = first_frame_of_clip(frame);
    const bool until_clip_ends = window_frames == 0 || frame - clip < sink_frames;
    int64_t end = until_clip_ends ? INT64_MAX / frame_tokens : frame + window_frames;
    if (clip_frames > 0) end = smaller(end, clip + clip_frames);
    return {larger(frame * frame_tokens - first_query, 0),
            smaller(larger(end * frame_tokens - first_query, 0), queries)};
  }

 private:
  NF_MASK_FUNCTION int64_t first_frame_of_clip(int64_t frame) const {
    return clip_frames == 0 ? 0 : frame / clip_frames * clip_frames;
  }
  NF_MASK_FUNCTION static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
  NF_MASK_FUNCTION static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
};

}  // namespace nextframe
