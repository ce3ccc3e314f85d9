#include "trainer/config/problems.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <tuple>

namespace nextframe {
namespace {

constexpr size_t kExcerptColumns = 96;

auto order_of(const Problem& problem) {
  const bool is_override = problem.place.source->lines.empty() && problem.place.line == 0;
  return std::tuple(is_override, problem.place.source->name, problem.place.line,
                    problem.place.column, problem.message);
}

bool continues_utf8(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The source line with a caret below the place, cut around it if it is long.
std::string excerpt(const Place& place) {
  const auto line_index = static_cast<size_t>(place.line) - 1;
  if (place.line < 1 || line_index >= place.source->lines.size()) return "";
  std::string line = place.source->lines[line_index];
  for (char& byte : line) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) byte = ' ';
  }
  const size_t column = std::min(static_cast<size_t>(std::max(place.column, 1)) - 1, line.size());
  size_t first = column > kExcerptColumns / 2 && line.size() > kExcerptColumns
                     ? column - kExcerptColumns / 2
                     : 0;
  while (first > 0 && continues_utf8(line[first])) --first;
  size_t last = std::min(line.size(), first + kExcerptColumns);
  while (last < line.size() && continues_utf8(line[last])) ++last;

  const auto before = line.substr(first, column - first);
  const auto num_bytes_inside = std::count_if(before.begin(), before.end(), continues_utf8);
  const std::string number = std::to_string(place.line);
  const std::string margin(number.size() < 6 ? 6 - number.size() : 0, ' ');
  return margin + number + " | " + line.substr(first, last - first) + "\n" +
         std::string(margin.size() + number.size(), ' ') + " | " +
         std::string(before.size() - static_cast<size_t>(num_bytes_inside), ' ') + "^\n";
}

/// Messages quote what stands in files: control characters become \xNN, or a NUL would end the
/// message of an exception.
std::string without_controls(const std::string& text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 || c == '\n' || c == '\t') {
      shown += c;
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return shown;
}

}  // namespace

std::string Place::to_string() const {
  return line == 0 ? source->name : c10::str(source->name, ":", line, ":", column);
}

void Problems::add(Place place, std::string message) {
  problems_.push_back({std::move(place), std::move(message)});
}

void Problems::add_fatal(Place place, std::string message) {
  add(std::move(place), std::move(message));
  fatal_ = true;
}

std::vector<Problem> Problems::sorted() const {
  auto result = problems_;
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
  const auto same = [](const auto& a, const auto& b) { return order_of(a) == order_of(b); };
  result.erase(std::unique(result.begin(), result.end(), same), result.end());
  return result;
}

std::string to_string(const std::vector<Problem>& problems) {
  size_t width = 0;
  for (const auto& problem : problems) width = std::max(width, problem.place.to_string().size());
  std::string text;
  for (const auto& problem : problems) {
    std::string place = problem.place.to_string();
    place.resize(width + 1, ' ');
    text += without_controls(place + "error  " + problem.message + "\n" + excerpt(problem.place));
  }
  return text + c10::str(problems.size(), problems.size() == 1 ? " error" : " errors",
                         "; nothing was started.");
}

}  // namespace nextframe
