// Loads the layers of a config: the files that it extends, and itself.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/layer.h"

namespace nextframe {

/// The layers of file `path`, from the weakest to the strongest: what its `extends` names, relative
/// to its folder and in that order, then itself. Files that cannot be read and circles are
/// problems.
std::vector<Layer> load_layers(const std::string& path, Problems& problems);

/// The same for a text that stands for file `name`.
std::vector<Layer> load_text_layers(const std::string& text, const std::string& name,
                                    Problems& problems);

}  // namespace nextframe
