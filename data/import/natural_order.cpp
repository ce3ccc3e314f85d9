#include "data/import/natural_order.h"

#include <algorithm>
#include <cctype>

#include "data/error.h"

namespace nextframe {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The run of digits at `at`, without leading zeros; moves `at` behind it.
std::string_view number_at(std::string_view text, size_t& at) {
  while (at < text.size() && text[at] == '0') ++at;
  const size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return text.substr(begin, at - begin);
}

}  // namespace

bool is_naturally_before(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto left = number_at(a, i), right = number_at(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      ++i, ++j;
    }
  }
  if (i < a.size() || j < b.size()) return i == a.size();
  return a < b;
}

void sort_naturally(std::vector<std::filesystem::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
    return is_naturally_before(a.filename().native(), b.filename().native());
  });
}

std::optional<std::pair<std::string, std::string>> first_renumbered(
    const std::vector<std::filesystem::path>& sorted) {
  for (size_t i = 1; i < sorted.size(); ++i) {
    const auto before = sorted[i - 1].filename().string(), after = sorted[i].filename().string();
    if (before > after) return std::pair(before, after);
  }
  return std::nullopt;
}

std::vector<std::filesystem::path> visible_entries(
    const std::filesystem::path& folder,
    const std::function<bool(const std::filesystem::path&)>& keep,
    std::vector<std::string>* hidden) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    const auto& path = entry->path();
    if (!path.filename().string().starts_with(".")) {
      if (keep(path)) paths.push_back(path);
    } else if (hidden != nullptr) {
      hidden->push_back(path.filename().string());
    }
  }
  if (error) throw FileError("cannot list " + folder.string() + ": " + error.message());
  sort_naturally(paths);
  return paths;
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

}  // namespace nextframe
