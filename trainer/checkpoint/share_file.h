// This file is the file that one rank adds to a checkpoint.
#pragma once

#include <filesystem>

#include "trainer/checkpoint/share.h"
#include "trainer/checkpoint/writer.h"

namespace nextframe {

/// rank-00003.bin
std::string rank_file_name(int64_t rank);

/// Writes a share to `path` for good, reads it back against its hashes and returns its list of
/// pieces for the manifest. Throws FileError or CheckpointError naming the file, which is gone
/// then. Calls no LibTorch.
std::string write_share(const std::filesystem::path& path, const Share& share, WriterPulse& pulse);

}  // namespace nextframe
