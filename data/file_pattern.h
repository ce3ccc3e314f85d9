// Which files a pattern such as 'data/*/shard-{00000,00001}.h5' means. Names are tried as they are
// written first, so that brackets, braces and stars in the name of a folder mean themselves.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nextframe {

/// Paths that match, in the order of their bytes. `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` and a `~` at
/// the start are understood; `\` takes the next letter as it is; a name that starts with a dot is
/// matched by a dot only. Throws DataError where nothing matches, saying how far the path goes; for
/// what is neither a file nor a folder; and for a pattern that stands for more names than anybody
/// means.
std::vector<std::filesystem::path> matching_files(const std::string& pattern);

/// Whether one name (no '/') matches; time is the product of both lengths at most.
bool name_matches(std::string_view pattern, std::string_view name);

}  // namespace nextframe
