// Reads a PNG file as an 8-bit image.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace nextframe {

/// What the start of a PNG file says.
struct PngHeader {
  int64_t height_px = 0, width_px = 0;
  int64_t channels = 3;  // 1: grey, 3: colour
  int64_t bits = 8;      // of one stored value
  bool has_alpha = false, has_gamma = false;
};

/// Throws DataError that names the file; so does a picture which its bytes cannot hold.
PngHeader read_png_header(const std::filesystem::path& path);

/// uint8 [H, W, C]: C is 1 for a grey image and 3 for all others. Values are as stored, whatever
/// the file says about gamma: 16 bits are divided by 257, fewer than 8 are scaled up. What is
/// transparent is blended onto black. Throws DataError that names the file, and asks for no memory
/// that the file cannot fill.
at::Tensor read_png(const std::filesystem::path& path);

}  // namespace nextframe
