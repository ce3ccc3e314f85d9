// Clips as a person can look at them: a picture with a row a clip, or coloured cells of a terminal.
#pragma once

#include <string>
#include <vector>

#include "data/draw_clips.h"
#include "trainer/evaluate/image.h"

namespace nextframe {

/// Small frames are enlarged and large ones reduced. Left of each row its episode and the number of
/// its first frame; under each frame the action taken there, a choice as its number and numbers as
/// bars up and down.
Image clip_sheet(const std::vector<ShownClip>& clips);

/// The same in half-block cells with 24-bit colours, `columns` characters wide.
std::string clip_cells(const std::vector<ShownClip>& clips, int64_t columns);

}  // namespace nextframe
