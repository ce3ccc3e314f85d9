// Reads the actions of a recording from a CSV file: one row a frame, either one integer (a choice)
// or some numbers. Columns that only count the rows or tell the time are no actions.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

namespace nextframe {

struct ActionTable {
  int64_t num_rows = 0;  // of the file; `rows` has no more than were asked for
  std::vector<std::vector<double>> rows;
  std::vector<std::string> names;  // of the columns of `rows`; empty where there is no heading
  std::vector<double> times_s;     // of `rows`, from a column named time, timestamp, seconds ...
  bool is_discrete = true;         // every row is one whole number, 0 or more; 1.0 is one, too
  std::vector<std::string> notes;  // what was left out
};

/// Columns are separated by commas; in files without commas by semicolons, tabs or spaces. A first
/// line that is no numbers is a heading. Rows after the first `most_rows` are counted only. Throws
/// DataError that names file and line.
ActionTable read_action_table(const std::filesystem::path& path, int64_t most_rows);

/// int64 [R] choices, or float32 [R, A].
at::Tensor action_rows(const ActionTable& table, bool is_discrete);

}  // namespace nextframe
