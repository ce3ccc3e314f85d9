// A sample of a shard's frames and the actions between them, and what it says about the data.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/action_space.h"

namespace nextframe {

class ShardReader;

/// Frames in runs that lie evenly over the shard; within a run each follows the one before.
struct FrameSample {
  std::vector<at::Tensor> runs_THWC;  // uint8, each of one episode
  std::vector<at::Tensor> actions;    // of the same rows; empty for a shard without actions
  std::vector<int64_t> episodes;      // of each run
};

/// At most about `most_bytes` of frames. DataError if they are damaged.
FrameSample sample_frames(const ShardReader& shard, int64_t most_bytes);

struct FrameStatistics {
  double brightness = 0;   // mean of all values, 0 to 1
  double contrast = 0;     // their standard deviation
  double black_share = 0;  // of frames with no value above 16 of 255
  double motion = 0;       // mean change of a value from one frame to the next, 0 to 1
  double still_share = 0;  // of frames that are the same as the one before
  int64_t frames = 0;      // that were looked at
};

FrameStatistics frame_statistics(const FrameSample& sample);

/// How much of what moves from a frame t to t+1 the action of a row tells, as a share of its
/// variance: 0 for nothing, below 0 for less than nothing.
struct AlignmentEvidence {
  double as_read = 0;      // the action in row t
  double one_later = 0;    // the action in row t+1: it would have led to its frame
  double one_earlier = 0;  // the action in row t-1
  int64_t pairs = 0;       // of frames; 0 where there are no actions or too few frames to tell
  // By how many standard errors, over episodes, another row predicts better than the one read.
  double later_z = 0, earlier_z = 0;

  /// Whether another row explains the motion clearly better than the one that is read.
  bool is_later_better() const { return is_better(one_later, later_z) && one_later >= one_earlier; }
  bool is_earlier_better() const {
    return is_better(one_earlier, earlier_z) && one_earlier > one_later;
  }

 private:
  bool is_better(double other, double z) const {
    return z > 3 && other > 0.02 && other > 1.2 * as_read + 0.01;
  }
};

/// Fits the motion (brightness, its horizontal and vertical shift, in cells of the frame) to the
/// actions by ridge regression on one half of the episodes, and judges on the other; both ways.
AlignmentEvidence alignment_evidence(const FrameSample& sample, const ActionSpace& space);

}  // namespace nextframe
