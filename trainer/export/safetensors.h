// Writes safetensors, the format in which most programs exchange weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace nextframe {

/// Tensors by name. Each is written as float32; on the CPU or not, contiguous or not.
using NamedTensors = std::map<std::string, at::Tensor>;

/// A file of 8 bytes with the header's length, little-endian; a header in JSON, padded with spaces
/// to a multiple of 8; then the numbers of each tensor, by name, without gaps
/// (https://huggingface.co/docs/safetensors). `metadata` are texts by name. The file has its name
/// once it is whole. Throws FileError.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace nextframe
