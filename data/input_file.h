// Checks of files that somebody else wrote, before anything reads them: regular files only, and no
// JSON that nests too deeply.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>

namespace nextframe {

/// "a FIFO", "a device", "a folder" ...: what stands at `path` instead of a regular file; "" for a
/// regular file (a link to one included), "missing" where there is nothing.
std::string what_stands_at(const std::filesystem::path& path);

/// Throws DataError unless `path` is a regular file. A FIFO is not opened: that would wait for a
/// writer without end.
void require_regular_file(const std::filesystem::path& path);

/// How deep brackets nest in a JSON text, outside of its strings. Libraries recurse on it.
int64_t json_depth(const std::string& text);

/// What nlohmann::json says of a text, without the "[json.exception.…] " before it.
std::string json_reason(const std::exception& error);

/// More than any JSON of ours has.
inline constexpr int64_t kMostJsonDepth = 64;

}  // namespace nextframe
