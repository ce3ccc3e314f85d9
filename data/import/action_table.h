// Reads an actions.csv: one row a frame, either one integer (a choice) or some numbers.
#pragma once

#include <filesystem>
#include <vector>

namespace nextframe {

struct ActionTable {
  int64_t num_rows = 0;  // of the file; `rows` has no more than were asked for
  std::vector<std::vector<float>> rows;
  bool is_discrete = true;  // every row is one integer, 0 or more
};

/// A first line that is no numbers is a heading. Rows after the first `most_rows` are counted only.
/// Throws DataError that names file and line.
ActionTable read_action_table(const std::filesystem::path& path, int64_t most_rows);

}  // namespace nextframe
