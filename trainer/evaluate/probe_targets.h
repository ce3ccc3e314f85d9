// What the true state of a simulated world says of each frame, as targets of linear probes.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "trainer/evaluate/probe_features.h"

namespace nextframe {

/// One number that a probe is to tell.
struct TargetColumn {
  at::Tensor values_R;  // float64
  at::Tensor rows_R;    // bool, the frames in which it is asked
};

/// Numbers that are one figure in the report.
struct ProbeTarget {
  std::string name;                   // "position"
  bool is_relation = false;           // values are 1 (it holds) or -1; the figure is accuracy
  std::vector<TargetColumn> columns;  // of the first kMostProbedObjects objects, in their order
};

constexpr int64_t kMostProbedObjects = 3;

/// Those that the columns of true state allow; of the first objects that there are:
///   position         x and y in the frame, px, where half of the object or more is seen
///   velocity         x and y, px/frame, where position is asked
///   hidden_position  x and y where nothing of the object is seen
///   count            how many objects there are
///   seen_count       of how many half or more is seen
///   left_of, above   of each pair, where both are seen
///   occluded         whether less than half of an object is seen
///   inside           of each ordered pair: the first one's centre lies inside the other's box
/// Columns: object_position, object_velocity, object_present, object_visible and object_size, as
/// scene_columns() in data/worlds/scene_world.h describes them; or ball_position and ball_velocity;
/// or square_position. Empty if an episode has no column of positions.
std::vector<ProbeTarget> probe_targets(const EpisodeSource& source, const ProbeFrames& frames);

}  // namespace nextframe
