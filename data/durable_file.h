// This file is how a file appears all at once: written beside its place, synced, renamed.
#pragma once

#include <filesystem>
#include <string>

namespace nextframe {

/// PATH.tmp, the name under which PATH is written.
std::filesystem::path temporary_name(const std::filesystem::path& path);

/// Syncs PATH.tmp, renames it to PATH and syncs the folder. Throws DataError.
void publish_file(const std::filesystem::path& path);

/// Writes a whole text file this way.
void write_text_file(const std::filesystem::path& path, const std::string& text);

/// All bytes of a file. Throws DataError.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace nextframe
