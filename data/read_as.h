// What a person says about an HDF5 file that does not say it by itself.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

/// "" for nothing. Names of datasets are as their layout calls them (docs/add-a-dataset.md).
struct ReadAs {
  std::string layout = "auto";     // or one of layout_names()
  std::string frames, actions;     // which dataset holds them; actions: "none" for none
  std::string alignment = "auto";  // or "after", "before"
  std::string split;               // one that the file has; "" for all episodes
};

/// "auto" and the name of every layout (data/layouts/layout.h).
std::vector<std::string> layout_names();

}  // namespace nextframe
