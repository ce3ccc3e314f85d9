#include "data/import/action_table.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "data/action_space.h"
#include "data/error.h"
#include "data/import/table_cells.h"
#include "data/input_file.h"

namespace nextframe {
namespace {

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
  const std::string name = in_small_letters(table.names[column]);
  if (name.empty() && counts_up(table, column, /*by_one=*/false)) return Role::index;
  if (kIndexes.contains(name) && counts_up(table, column, /*by_one=*/true)) return Role::index;
  if (kTimes.contains(name) && counts_up(table, column, /*by_one=*/false)) return Role::time;
  return Role::action;
}

/// Makes a table of a file's lines, one after another.
class TableReader {
 public:
  TableReader(const std::filesystem::path& path, int64_t most_rows)
      : path_(path), most_rows_(most_rows) {}

  void take(const std::string& line, int64_t number) {
    line_ = number;
    if (line.size() > kMostLineBytes) refuse(line);
    if (separator_ == 0) separator_ = separator_of(line);
    auto cells = parse_cells(line, separator_);
    if (!has_begun_ && !are_numbers(cells)) {  // a heading, or a row of words: see add_first_line
      first_line_ = std::move(cells);
      first_text_ = line;
      if (first_line_.size() < 2) separator_ = 0;  // 'turn left' tells nothing
      has_begun_ = true;
      return;
    }
    has_begun_ = true;
    if (columns_.empty()) cells = begin(line, std::move(cells));
    add(line, cells, table_.rows.size());
  }

  ActionTable finish() {
    if (columns_.empty() && !first_line_.empty()) add_lone_line();
    if (table_.rows.empty()) return std::move(table_);
    add_first_line();
    sort_columns();
    judge_kind();
    return std::move(table_);
  }

 private:
  static constexpr char kNoSeparator = '\n';  // the line is one cell

  struct TableColumn {
    bool has_words = false, has_buttons = true;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(path_.string() + ": " + what);
  }

  [[noreturn]] void refuse(const std::string& line) const {
    throw DataError(path_.string() + ":" + std::to_string(line_) + ": " + shown(line) +
                    " is not a row of numbers like the rows above");
  }

  /// By the first row: which columns hold words. Spaces separate numbers only, 'turn left' is one
  /// word.
  std::vector<std::string> begin(const std::string& line, std::vector<std::string> cells) {
    const bool has_number =
        std::ranges::any_of(cells, [](const auto& cell) { return parse_number(cell).has_value(); });
    const bool is_like_the_first = cells.size() == first_line_.size() && has_number;
    if (separator_ == ' ' && !are_numbers(cells) && !is_like_the_first) {
      separator_ = kNoSeparator;
      cells = parse_cells(line, separator_);
    }
    for (const auto& cell : cells) columns_.push_back({.has_words = is_word(cell)});
    // true and false are words only where they cannot be numbers.
    for (size_t c = 0; c < cells.size(); ++c) {
      columns_[c].has_words = columns_[c].has_words && !parse_number(cells[c]);
    }
    return cells;
  }

  void add(const std::string& line, const std::vector<std::string>& cells, size_t place) {
    if (cells.empty() || cells.size() != columns_.size()) refuse(line);
    std::vector<double> row;
    for (size_t c = 0; c < cells.size(); ++c) {
      const auto number = columns_[c].has_words ? number_of_word(cells[c]) : parse_number(cells[c]);
      if (!number) refuse(line);
      columns_[c].has_buttons = columns_[c].has_buttons && is_button(cells[c]);
      row.push_back(*number);
    }
    ++table_.num_rows;
    const auto offset = static_cast<std::ptrdiff_t>(place);
    table_.rows.insert(table_.rows.begin() + offset, std::move(row));
    if (static_cast<int64_t>(table_.rows.size()) > most_rows_) table_.rows.pop_back();
  }

  std::optional<double> number_of_word(const std::string& cell) {
    if (!is_word(cell)) return std::nullopt;
    const auto [known, is_new] = places_.try_emplace(cell, table_.words.size());
    if (is_new) table_.words.push_back(cell);
    if (static_cast<int64_t>(table_.words.size()) > kMaxChoices) {
      fail("holds more than " + std::to_string(kMaxChoices) +
           " different words; are they actions?");
    }
    return static_cast<double>(known->second);
  }

  /// A file of one line that is no numbers.
  void add_lone_line() {
    if (first_line_.size() > 1 || is_heading_of_words(first_line_.front())) return;
    if (!is_word(first_line_.front())) refuse(first_text_);
    first_line_.clear();
    separator_ = kNoSeparator;
    const auto cells = begin(first_text_, parse_cells(first_text_, separator_));
    add(first_text_, cells, 0);
  }

  /// Whether it was a heading. Above numbers it was; among words it is told by what is below.
  void add_first_line() {
    if (first_line_.size() != columns_.size()) {
      const bool is_row = separator_ == kNoSeparator && first_line_.size() > 1;
      if (is_row) first_line_ = parse_cells(first_text_, separator_);
      if (first_line_.size() != columns_.size()) return;
    }
    bool is_row = true;
    for (size_t c = 0; c < columns_.size(); ++c) {
      is_row = is_row && (columns_[c].has_words || parse_number(first_line_[c]));
    }
    if (is_row && columns_.size() == 1) {
      const auto& word = first_line_.front();
      if (is_heading_of_words(word)) {
        is_row = false;
      } else if (!places_.contains(word)) {
        fail("its first line " + shown(first_text_) +
             " occurs once only, so it may be a heading or an action; write 'action' above it if "
             "it is an action, in its place if it is a heading");
      }
    }
    if (is_row) {
      add(first_text_, first_line_, 0);
    } else {
      table_.names = first_line_;
    }
  }

  /// Takes out the columns that are no actions. Beside words a column that counts is none, even
  /// without a heading.
  void sort_columns() {
    auto& names = table_.names;
    if (names.empty() && std::ranges::any_of(columns_, &TableColumn::has_words)) {
      names.resize(columns_.size());
    }
    for (size_t column = names.size(); column-- > 0;) {
      if (columns_[column].has_words) continue;
      const Role role = role_of(table_, column);
      if (role == Role::action) continue;
      if (role == Role::index) {
        table_.notes.push_back((names[column].empty() ? "the column without a name"
                                                      : "the column '" + names[column] + "'") +
                               " counts the rows: it is no action");
      }
      const auto offset = static_cast<std::ptrdiff_t>(column);
      for (auto& row : table_.rows) {
        if (role == Role::time) table_.times_s.push_back(row[column]);
        row.erase(row.begin() + offset);
      }
      names.erase(names.begin() + offset);
      columns_.erase(columns_.begin() + offset);
    }
    if (std::ranges::all_of(names, &std::string::empty)) names.clear();
    if (columns_.empty()) {
      fail(
          "has no column of actions, only what counts the rows or tells the time; add one, or take "
          "the file away");
    }
    if (names.empty() && columns_.size() > 1 && counts_up(table_, 0, true)) {
      table_.notes.push_back(
          "its first column counts 1 up from row to row and is taken for an action, because there "
          "is no heading; if it is an index, name it 'index' in a first line");
    }
  }

  void judge_kind() {
    const bool has_words = std::ranges::any_of(columns_, &TableColumn::has_words);
    if (has_words && columns_.size() > 1) {
      fail("has " + std::to_string(columns_.size()) +
           " columns of actions with words in them; needed: one column of words (a choice), or "
           "numbers alone (buttons are 0 and 1)");
    }
    table_.is_buttons =
        columns_.size() > 1 && std::ranges::all_of(columns_, &TableColumn::has_buttons);
    table_.is_discrete = columns_.size() == 1;
    if (has_words) return;
    double largest = 0;
    for (const auto& row : table_.rows) {
      table_.is_discrete = table_.is_discrete && is_whole_choice(row.front());
      largest = std::max(largest, row.front());
    }
    if (table_.is_discrete) {
      check_choice(static_cast<int64_t>(std::min(largest, 1e18)), path_.string());
    }
  }

  const std::filesystem::path& path_;
  int64_t most_rows_, line_ = 0;
  ActionTable table_;
  char separator_ = 0;
  bool has_begun_ = false;
  std::vector<std::string> first_line_;  // of a file that does not begin with numbers
  std::string first_text_;
  std::vector<TableColumn> columns_;
  std::map<std::string, size_t> places_;  // of words
};

}  // namespace

ActionTable read_action_table(const std::filesystem::path& path, int64_t most_rows) {
  require_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError("cannot read " + path.string() + ": " + std::strerror(errno));
  TableReader reader(path, most_rows);
  std::string line;
  for (int64_t number = 1; next_line(file, line); ++number) {
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // a mark of UTF-8
    if (line.find_first_not_of(" \t\r") != std::string::npos) reader.take(line, number);
  }
  return reader.finish();
}

void ActionTables::add(const std::filesystem::path& path, const ActionTable& table) {
  const bool has_words = !table.words.empty();
  const auto width = static_cast<int64_t>(table.rows.front().size());
  if (!has_any_) {
    first_ = path;
    has_words_ = has_words;
    width_ = width;
    names_ = table.names;
    has_any_ = true;
  }
  if (has_words != has_words_) {
    throw DataError(path.string() + ": holds " + (has_words ? "words" : "numbers") +
                    " for actions, but " + first_.string() + " " +
                    (has_words_ ? "words" : "numbers") + "; write all of them in one way");
  }
  if (width != width_) {
    throw DataError(c10::str(path.string(), ": has ", width, " numbers a row, but ",
                             first_.string(), " has ", width_));
  }
  is_discrete_ = is_discrete_ && table.is_discrete;
  is_buttons_ = is_buttons_ && table.is_buttons;
  for (const auto& row : table.rows) largest_ = std::max(largest_, row.front());
  words_.insert(table.words.begin(), table.words.end());
}

ActionSpace ActionTables::space() const {
  using Kind = ActionSpace::Kind;
  const auto num_words = static_cast<int64_t>(words_.size());
  if (has_words_) return {Kind::discrete, num_words, {words_.begin(), words_.end()}};
  if (is_discrete_) return {Kind::discrete, static_cast<int64_t>(largest_) + 1, {}};
  return {is_buttons_ ? Kind::multi_binary : Kind::continuous, width_, names_};
}

at::Tensor ActionTables::rows(const ActionTable& table) const {
  const auto count = static_cast<int64_t>(table.rows.size());
  const at::Tensor rows_RA = at::empty({count, width_}, at::kDouble);
  double* out = rows_RA.data_ptr<double>();
  for (const auto& row : table.rows) out = std::copy(row.begin(), row.end(), out);
  if (!is_discrete_) return rows_RA.to(is_buttons_ ? at::kByte : at::kFloat);
  const at::Tensor choices = rows_RA.flatten().to(at::kLong);
  if (!has_words_) return choices;
  std::vector<int64_t> places;  // of the table's words among all
  for (const auto& word : table.words) {
    places.push_back(std::distance(words_.begin(), words_.find(word)));
  }
  return at::tensor(places, at::kLong).index_select(0, choices);
}

}  // namespace nextframe
