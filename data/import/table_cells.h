// The lines and cells of a CSV file: what separates them, and which are numbers, words or buttons.
#pragma once

#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace nextframe {

inline constexpr size_t kMostLineBytes = size_t{1} << 20;

/// The next line, of which little more than kMostLineBytes are taken; false at the end.
bool next_line(std::istream& file, std::string& line);

/// What stands between the columns, by a line that has more than one or none.
char separator_of(const std::string& line);

/// The cells of a line, without spaces and quotes around them.
std::vector<std::string> parse_cells(const std::string& line, char separator);

/// A number that a float32 can be, or false and true as 0 and 1.
std::optional<double> parse_number(const std::string& cell);

bool are_numbers(const std::vector<std::string>& cells);

/// What is not meant for a number, not even for one that is none or is damaged.
bool is_word(const std::string& cell);

/// Written as 0 or 1, false or true.
bool is_button(const std::string& cell);

/// The heading of a column of words, which looks like one of them: "action" or the like.
bool is_heading_of_words(const std::string& cell);

std::string in_small_letters(std::string text);

/// For a message: the start of the line in quotes, with '?' for what is no letter.
std::string shown(const std::string& line);

}  // namespace nextframe
