#include "data/import/table_cells.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

namespace nextframe {
namespace {

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

}  // namespace

char separator_of(const std::string& line) {
  for (const char separator : {',', ';', '\t', ' '}) {
    const auto first = line.find_first_not_of(" \t\r"), last = line.find_last_not_of(" \t\r");
    if (first != std::string::npos && line.find(separator, first) < last) return separator;
  }
  return ',';
}

std::string in_small_letters(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::optional<double> parse_number(const std::string& cell) {
  double value = 0;
  const auto [rest, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool fits = std::abs(value) <= std::numeric_limits<float>::max();  // not so of NaN
  if (error == std::errc() && rest == cell.data() + cell.size() && fits) return value;
  const auto word = in_small_letters(cell);
  if (word == "false" || word == "true") return word == "true" ? 1 : 0;
  return std::nullopt;
}

bool is_word(const std::string& cell) {
  static const std::set<std::string> kNoWords{"nan", "inf", "null"};
  if (cell.empty() || std::strchr("+-.0123456789", cell.front()) != nullptr) return false;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return std::ranges::none_of(cell, is_control) && !kNoWords.contains(in_small_letters(cell));
}

bool is_heading_of_words(const std::string& cell) {
  static const std::set<std::string> kHeadings{"action", "actions", "action_name", "act",
                                               "choice", "command", "button",      "key",
                                               "input",  "label",   "name",        "move"};
  return kHeadings.contains(in_small_letters(cell));
}

bool is_button(const std::string& cell) {
  const auto text = in_small_letters(cell);
  return text == "0" || text == "1" || text == "false" || text == "true";
}

std::vector<std::string> parse_cells(const std::string& line, char separator) {
  auto cells = split(line, separator);
  for (auto& cell : cells) std::erase(cell, '"');
  return cells;
}

bool are_numbers(const std::vector<std::string>& cells) {
  return !cells.empty() && std::ranges::all_of(cells, [](const auto& cell) {
    return parse_number(cell).has_value();
  });
}

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

std::string shown(const std::string& line) {
  std::string text = line.substr(0, 40);
  for (char& letter : text) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  }
  return "'" + text + (line.size() > text.size() ? "...'" : "'");
}

}  // namespace nextframe
