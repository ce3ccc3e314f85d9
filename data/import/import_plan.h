// What an import is going to write, told before anything is written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/import/fit_frames.h"
#include "data/importer.h"

namespace nextframe {

struct ImportPlan {
  std::string source, layout;  // as given; the importer's name
  RecordingFacts facts;
  FrameSize size;                 // of the stored frames: never 0
  std::vector<int64_t> held_out;  // episodes for validation, ascending
};

/// `count` of `episodes` episodes, one drawn by `seed` from each of `count` equal runs of them, so
/// that sorted recordings (by level, player, day) are held out evenly. Ascending.
std::vector<int64_t> draw_held_out(int64_t episodes, int64_t count, int64_t seed);

/// What to do about frames of this size, "" if a usual patch divides them into a usual number of
/// tokens.
std::string patch_advice(int64_t height_px, int64_t width_px);

/// The plan in lines for a person.
std::string describe(const ImportPlan& plan);

}  // namespace nextframe
