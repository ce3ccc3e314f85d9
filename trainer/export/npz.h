// Writes NumPy's .npz: named arrays in one file.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace nextframe {

/// The bytes of an .npz, a zip archive of .npy files (format 1.0) that are stored as they are.
///   arrays  names with tensors on the CPU, uint8, int64 or float32
/// Throws UsageError above 4 GiB, which a plain zip archive cannot hold.
std::string encode_npz(const std::vector<std::pair<std::string, at::Tensor>>& arrays);

}  // namespace nextframe
