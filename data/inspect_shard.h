// `nextframe data inspect`: what one shard holds.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/action_scale.h"
#include "data/frame_sample.h"
#include "data/read_as.h"

namespace nextframe {

struct ColumnSummary {
  std::string name, type;  // uint8, int64, float32, ...
  std::vector<int64_t> shape;
};

struct ShardSummary {
  std::map<std::string, std::string> attributes;  // as text
  std::vector<ColumnSummary> columns;
  std::string read_as;        // whose layout it is; "" for our own
  std::string slow_reason;    // why single frames are read slowly; "" if not
  std::string pixels_layout;  // in words
  int64_t frames = 0, episodes = 0, shortest_episode = 0, longest_episode = 0;
  int64_t pixel_bytes = 0, stored_pixel_bytes = 0, file_bytes = 0;
  bool has_checksums = false;
  std::string actions;                    // "none", "discrete 3", "continuous 6", "multi_binary 4"
  std::vector<int64_t> action_counts;     // of discrete actions, unless there are millions
  std::vector<int64_t> action_presses;    // of each button, how many frames it is held
  std::vector<std::string> action_names;  // of choices, numbers or buttons; may be empty
  std::vector<double> action_low, action_high;    // of continuous ones
  std::vector<std::vector<int64_t>> action_bins;  // of each number, how often it lies in which
                                                  // sixteenth between low and high
  std::vector<ActionColumn> action_columns;       // of continuous ones, as training measures them
  std::string problem;                            // why the frames could not be looked at
  FrameStatistics look;                           // of a sample of the frames
  AlignmentEvidence alignment;                    // of the actions, as they are read for training
};

/// Throws DataError like opening the shard for training does.
ShardSummary inspect_shard(const std::filesystem::path& path, const ReadAs& read_as = {});

}  // namespace nextframe
