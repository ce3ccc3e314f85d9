#include "data/import/action_table.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "data/action_space.h"
#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {
namespace {

constexpr size_t kMostLineBytes = size_t{1} << 20;

/// What stands between the columns, by a line that has more than one or none.
char separator_of(const std::string& line) {
  for (const char separator : {',', ';', '\t', ' '}) {
    const auto first = line.find_first_not_of(" \t\r"), last = line.find_last_not_of(" \t\r");
    if (first != std::string::npos && line.find(separator, first) < last) return separator;
  }
  return ',';
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> cells;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find(separator, begin), line.size());
    const size_t first = std::min(line.find_first_not_of(" \t\r", begin), end);
    const size_t last = end == 0 ? std::string::npos : line.find_last_not_of(" \t\r", end - 1);
    const bool is_empty = first >= end || last == std::string::npos || last < first;
    if (!is_empty || separator != ' ') {
      cells.push_back(is_empty ? "" : line.substr(first, last + 1 - first));
    }
    begin = end + 1;
  }
  return cells;
}

/// The numbers of a line, or nothing if a cell is none.
std::optional<std::vector<double>> parse_row(const std::string& line, char separator) {
  std::vector<double> row;
  for (const auto& cell : split(line, separator)) {
    double value = 0;
    const auto [rest, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    const bool fits = std::abs(value) <= std::numeric_limits<float>::max();  // not so of NaN
    if (error != std::errc() || rest != cell.data() + cell.size() || !fits) return std::nullopt;
    row.push_back(value);
  }
  if (row.empty()) return std::nullopt;
  return row;
}

std::vector<std::string> parse_heading(const std::string& line, char separator) {
  auto names = split(line, separator);
  for (auto& name : names) std::erase(name, '"');
  return names;
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

bool is_whole_choice(double value) { return value >= 0 && value == std::floor(value); }

bool counts_up(const ActionTable& table, size_t column, bool by_one) {
  for (size_t i = 1; i < table.rows.size(); ++i) {
    const double step = table.rows[i][column] - table.rows[i - 1][column];
    if (by_one ? step != 1 : step <= 0) return false;
  }
  return table.rows.size() > 1;
}

enum class Role { action, index, time };

Role role_of(const ActionTable& table, size_t column) {
  static const std::set<std::string> kIndexes{"index",    "unnamed: 0", "frame", "frame_index",
                                              "frame_id", "step",       "t",     "row"};
  static const std::set<std::string> kTimes{"time",    "time_s",    "t_s",
                                            "seconds", "timestamp", "timestamp_s"};
  std::string name = table.names[column];
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.empty() && counts_up(table, column, /*by_one=*/false)) return Role::index;
  if (kIndexes.contains(name) && counts_up(table, column, /*by_one=*/true)) return Role::index;
  if (kTimes.contains(name) && counts_up(table, column, /*by_one=*/false)) return Role::time;
  return Role::action;
}

/// Takes out the columns that are no actions.
void sort_columns(ActionTable& table, const std::filesystem::path& path) {
  if (table.names.size() != table.rows.front().size()) table.names.clear();
  for (size_t column = table.names.size(); column-- > 0;) {
    const Role role = role_of(table, column);
    if (role == Role::action) continue;
    const std::string name = table.names[column];
    if (role == Role::index) {
      table.notes.push_back(
          (name.empty() ? "the column without a name" : "the column '" + name + "'") +
          " counts the rows: it is no action");
    }
    const auto offset = static_cast<std::ptrdiff_t>(column);
    for (auto& row : table.rows) {
      if (role == Role::time) table.times_s.push_back(row[column]);
      row.erase(row.begin() + offset);
    }
    table.names.erase(table.names.begin() + offset);
  }
  if (table.rows.front().empty()) {
    throw DataError(path.string() +
                    ": has no column of actions, only what counts the rows or tells the time; "
                    "add one, or take the file away");
  }
  if (table.names.empty() && table.rows.front().size() > 1 && counts_up(table, 0, true)) {
    table.notes.push_back(
        "its first column counts 1 up from row to row and is taken for an action, because there "
        "is no heading; if it is an index, name it 'index' in a first line");
  }
}

void judge_choices(ActionTable& table, const std::filesystem::path& path) {
  table.is_discrete = table.rows.front().size() == 1;
  double largest = 0;
  for (const auto& row : table.rows) {
    table.is_discrete = table.is_discrete && is_whole_choice(row.front());
    largest = std::max(largest, row.front());
  }
  if (table.is_discrete) check_choice(static_cast<int64_t>(std::min(largest, 1e18)), path.string());
}

}  // namespace

ActionTable read_action_table(const std::filesystem::path& path, int64_t most_rows) {
  require_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError("cannot read " + path.string() + ": " + std::strerror(errno));
  ActionTable table;
  char separator = 0;
  bool is_first = true;
  std::string line;
  for (int64_t number = 1; next_line(file, line); ++number) {
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // a mark of UTF-8
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (separator == 0) separator = separator_of(line);
    const bool fits = line.size() <= kMostLineBytes;
    auto row = fits ? parse_row(line, separator) : std::nullopt;
    if (!row && is_first && fits) {
      table.names = parse_heading(line, separator);
      separator = table.names.size() > 1 ? separator : '\0';  // 'turn left' tells nothing
    } else if (!row || (!table.rows.empty() && row->size() != table.rows.front().size())) {
      throw DataError(path.string() + ":" + std::to_string(number) + ": " + shown(line) +
                      " is not a row of numbers like the rows above");
    } else if (++table.num_rows <= most_rows) {
      table.rows.push_back(std::move(*row));
    }
    is_first = false;
  }
  if (table.rows.empty()) return table;
  sort_columns(table, path);
  judge_choices(table, path);
  return table;
}

at::Tensor action_rows(const ActionTable& table, bool is_discrete) {
  const auto count = static_cast<int64_t>(table.rows.size());
  const auto width = static_cast<int64_t>(table.rows.front().size());
  const at::Tensor rows_RA = at::empty({count, width}, at::kDouble);
  double* out = rows_RA.data_ptr<double>();
  for (const auto& row : table.rows) out = std::copy(row.begin(), row.end(), out);
  return is_discrete ? rows_RA.flatten().to(at::kLong) : rows_RA.to(at::kFloat);
}

}  // namespace nextframe
