#include "data/import/action_table.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "data/action_space.h"
#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {
namespace {

constexpr size_t kMostLineBytes = size_t{1} << 20;

/// The numbers between commas, or nothing if one is none.
std::optional<std::vector<float>> parse_row(const std::string& line) {
  std::vector<float> row;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find(',', begin), line.size());
    const size_t first = std::min(line.find_first_not_of(" \t", begin), end);
    const size_t last = line.find_last_not_of(" \t\r", end == 0 ? 0 : end - 1) + 1;
    if (first >= last) return std::nullopt;
    float value = 0;
    const auto [rest, error] = std::from_chars(line.data() + first, line.data() + last, value);
    if (error != std::errc() || rest != line.data() + last || !std::isfinite(value)) {
      return std::nullopt;
    }
    row.push_back(value);
    begin = end + 1;
  }
  return row;
}

bool is_choice(const std::string& line) {
  return line.find_first_not_of("0123456789 \t\r") == std::string::npos;
}

/// The next line, of which no more than kMostLineBytes are taken; false at the end.
bool next_line(std::istream& file, std::string& line) {
  line.clear();
  int letter = file.get();
  if (letter == EOF) return false;
  for (; letter != EOF && letter != '\n'; letter = file.get()) {
    line += static_cast<char>(letter);
    if (line.size() > kMostLineBytes) return true;
  }
  return true;
}

/// For a message: the start of the line, with '?' for what is no letter.
std::string shown(const std::string& line) {
  std::string text = line.substr(0, 40);
  for (char& letter : text) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  }
  return "'" + text + (line.size() > text.size() ? "...'" : "'");
}

}  // namespace

ActionTable read_action_table(const std::filesystem::path& path, int64_t most_rows) {
  require_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError("cannot read " + path.string() + ": " + std::strerror(errno));
  ActionTable table;
  float largest = 0;
  std::string line;
  for (int64_t number = 1; next_line(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto row = line.size() > kMostLineBytes ? std::nullopt : parse_row(line);
    if (!row && number == 1 && line.size() <= kMostLineBytes) continue;
    if (!row || (!table.rows.empty() && row->size() != table.rows.front().size())) {
      throw DataError(path.string() + ":" + std::to_string(number) + ": " + shown(line) +
                      " is not a row of numbers like the rows above");
    }
    table.is_discrete = table.is_discrete && is_choice(line);
    if (table.is_discrete) largest = std::max(largest, row->front());
    if (++table.num_rows <= most_rows) table.rows.push_back(*row);
  }
  if (table.is_discrete)
    check_choice(static_cast<int64_t>(std::min(largest, 1e18F)), path.string());
  return table;
}

}  // namespace nextframe
