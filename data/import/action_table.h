// Reads an actions.csv: one row a frame, either one integer (a choice) or some numbers.
#pragma once

#include <filesystem>
#include <vector>

namespace nextframe {

struct ActionTable {
  std::vector<std::vector<float>> rows;
  bool is_discrete = true;  // every row is one integer, 0 or more
};

/// A first line that is no numbers is a heading. Throws DataError that names file and line.
ActionTable read_action_table(const std::filesystem::path& path);

}  // namespace nextframe
