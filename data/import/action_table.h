// Reads the actions of a recording from CSV files: one row a frame, a choice (an integer or a
// word), buttons or numbers. Columns that only count the rows or tell the time are no actions.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "data/action_space.h"

namespace nextframe {

struct ActionTable {
  int64_t num_rows = 0;  // of the file; `rows` has no more than were asked for
  std::vector<std::vector<double>> rows;
  std::vector<std::string> names;  // of the columns of `rows`; empty where there is no heading
  std::vector<double> times_s;     // of `rows`, from a column named time, timestamp, seconds ...
  std::vector<std::string> words;  // of the only column, in the order in which they occur: its
                                   // numbers are their places. Empty for tables of numbers
  bool is_discrete = true;  // every row is one word, or one whole number from 0 on; 1.0 is one, too
  bool is_buttons = false;  // several columns, each cell written as 0 or 1, false or true
  std::vector<std::string> notes;  // what was left out
};

/// Columns are separated by commas; in files without commas by semicolons, tabs or spaces. A first
/// line that is no numbers is a heading; above a column of words it must be "action" or the like,
/// or occur again further down, as a word. Rows after the first `most_rows` are counted only.
/// Throws DataError that names file and line.
ActionTable read_action_table(const std::filesystem::path& path, int64_t most_rows);

/// What the tables of one import hold together. Words become choices in alphabetical order, so that
/// the order of files and a file without one of the words change nothing.
class ActionTables {
 public:
  /// Throws DataError that names `path` where its rows do not go with those of earlier tables.
  void add(const std::filesystem::path& path, const ActionTable& table);

  ActionSpace space() const;

  /// int64 [R] choices, uint8 [R, A] buttons, or float32 [R, A].
  at::Tensor rows(const ActionTable& table) const;

 private:
  bool has_any_ = false, has_words_ = false, is_discrete_ = true, is_buttons_ = true;
  int64_t width_ = 0;
  double largest_ = 0;
  std::vector<std::string> names_;  // of the first table's columns
  std::set<std::string> words_;
  std::filesystem::path first_;
};

}  // namespace nextframe
