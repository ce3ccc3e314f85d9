// Frames in the coloured cells of a terminal.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// Frames side by side in half-block cells of 24-bit colour: each cell is two pixels, one above the
/// other. Frames are enlarged by a whole number, or reduced, to fill `columns` x `rows` cells. Each
/// line ends in the terminal's own colours.
///   frames_HWC  uint8, all of one size
std::string frame_cells(const std::vector<at::Tensor>& frames_HWC, int64_t columns, int64_t rows);

}  // namespace nextframe
