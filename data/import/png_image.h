// Reads a PNG file as an 8-bit image.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace nextframe {

/// uint8 [H, W, C]: C is 1 for a grey image and 3 for all others; transparency is dropped onto
/// black. Throws DataError that names the file, and asks for no memory that the file
/// cannot fill.
at::Tensor read_png(const std::filesystem::path& path);

}  // namespace nextframe
