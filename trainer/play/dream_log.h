// The log of a dream that was played: enough to dream the same frames again.
//
//   episode=3&start=0&context=8&seed=42&model=5c1f09ab77d0&keys=@4:1,7x12,@8:1.5,7,4x3
//
// The form is that of a query string, so it can stand behind the # of an address. In `keys`,
// actions follow one another: the numbers of one are joined by ':', xN repeats it for N frames, and
// @STEPS:GUIDANCE says how the frames from there on are sampled. A model without actions has '-'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/play/play_actions.h"

namespace nextframe {

/// How frames are sampled, see RolloutOptions.
struct DreamSampling {
  int64_t denoise_steps = 4;
  double guidance = 1;
  bool operator==(const DreamSampling&) const = default;
};

struct DreamedFrame {
  PlayAction action;
  DreamSampling sampling;
  bool operator==(const DreamedFrame&) const = default;
};

/// Where a dream begins.
struct DreamStart {
  int64_t episode = 0;      // held-out, by number
  int64_t first_frame = 0;  // of the context, in the episode
  int64_t context_frames = 8;
  uint64_t seed = 0;
  bool operator==(const DreamStart&) const = default;
};

struct DreamLog {
  DreamStart start;
  std::string model;  // the first 12 digits of the checkpoint's digest
  std::vector<DreamedFrame> frames;
  bool operator==(const DreamLog&) const = default;
};

/// A dream has no more frames than this.
constexpr int64_t kMostDreamedFrames = 65536;

std::string to_text(const DreamLog& log);

/// UsageError, which says where, for a text that is no log.
DreamLog dream_log_from(const std::string& text);

}  // namespace nextframe
