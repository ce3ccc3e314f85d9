#include "data/import/action_table.h"

#include <charconv>
#include <fstream>
#include <optional>
#include <string>

#include "data/error.h"

namespace nextframe {
namespace {

/// The numbers between commas, or nothing if one is none.
std::optional<std::vector<float>> parse_row(const std::string& line) {
  std::vector<float> row;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find(',', begin), line.size());
    const size_t first = std::min(line.find_first_not_of(" \t", begin), end);
    const size_t last = line.find_last_not_of(" \t\r", end == 0 ? 0 : end - 1) + 1;
    float value = 0;
    const auto [rest, error] = std::from_chars(line.data() + first, line.data() + last, value);
    if (error != std::errc() || rest != line.data() + last || first >= last) return std::nullopt;
    row.push_back(value);
    begin = end + 1;
  }
  return row;
}

bool is_choice(const std::string& line) {
  return line.find_first_not_of("0123456789 \t\r") == std::string::npos;
}

}  // namespace

ActionTable read_action_table(const std::filesystem::path& path) {
  std::ifstream file(path);
  ActionTable table;
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto row = parse_row(line);
    if (!row && number == 1) continue;
    if (!row || (!table.rows.empty() && row->size() != table.rows.front().size())) {
      throw DataError(path.string() + ":" + std::to_string(number) + ": '" + line +
                      "' is not a row of numbers like the rows above");
    }
    table.is_discrete = table.is_discrete && is_choice(line);
    table.rows.push_back(*row);
  }
  return table;
}

}  // namespace nextframe
