// The order that people mean when they number files: frame_2 before frame_10.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nextframe {

/// Compares runs of digits as numbers and all else byte by byte. Names that differ in leading
/// zeros only are ordered by their bytes.
bool is_naturally_before(std::string_view a, std::string_view b);

/// Sorts by the names (the last part of the paths).
void sort_naturally(std::vector<std::filesystem::path>& paths);

/// Two neighbours of naturally sorted paths that stand the other way around in the order of bytes.
std::optional<std::pair<std::string, std::string>> first_renumbered(
    const std::vector<std::filesystem::path>& sorted);

/// Visible entries of a folder that are to be kept, in natural order. The names of hidden ones (a
/// dot first), which tools leave behind, are added to `hidden`.
std::vector<std::filesystem::path> visible_entries(
    const std::filesystem::path& folder,
    const std::function<bool(const std::filesystem::path&)>& keep,
    std::vector<std::string>* hidden = nullptr);

/// The extension in small letters: ".png" of "A.PNG".
std::string lower_extension(const std::filesystem::path& path);

}  // namespace nextframe
