// Loads the layers of a config: the files that it extends, and itself.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/layer.h"

namespace nextframe {

/// The layers of file `path`, where later ones win: the files that it `extends` (relative to
/// its folder, in that order), then itself. Unreadable files and cycles are problems.
std::vector<Layer> load_layers(const std::string& path, Problems& problems);

/// The same for a text, which messages call `name`.
std::vector<Layer> load_text_layers(const std::string& text, const std::string& name,
                                    Problems& problems);

}  // namespace nextframe
