// The Python file with which an exported model is read: trainer/export/nextframe_model.py, which
// the build puts into the program.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

struct Config;

/// Its text.
const char* reference_loader();

/// What the file does not know of a config: "objective.name = mine", "model.my_key". By the table
/// COVERED in it.
std::vector<std::string> not_covered_by_loader(const Config& config);

}  // namespace nextframe
