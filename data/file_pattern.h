// Finds the files that match a glob such as 'data/*/shard-{00000,00001}.h5'. Each name in the path
// is tried literally first, so that a folder may be called 'runs [v2]'.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nextframe {

/// Paths that match, sorted by their bytes. A file that is reached in two ways, such as
/// 'data/s0.h5' and './data/s0.h5', is there once, by the first of them. `*`, `?`, `[a-z]`,
/// `[!a-z]`, `{a,b}` and a `~` at the start are understood; `\` takes the next letter as it is; a
/// name that starts with a dot is matched by a dot only. Throws DataError if nothing matches (and
/// says how far the path exists), if a match is neither a file nor a folder, and if the braces
/// stand for too many names.
std::vector<std::filesystem::path> matching_files(const std::string& pattern);

/// Whether one name (without '/') matches; takes time proportional to the product of both lengths.
bool name_matches(std::string_view pattern, std::string_view name);

}  // namespace nextframe
