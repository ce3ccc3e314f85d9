// Merges layers of assignments into a checked config.
#pragma once

#include <vector>

#include "trainer/config/config.h"
#include "trainer/config/layer.h"

namespace nextframe {

/// Puts the layers on top of each other, the last one strongest, and fills a config from them.
/// `run_name` is the default of run.name. Whatever does not fit is a problem.
Config resolve(const std::vector<Layer>& layers, const std::string& run_name, Problems& problems);

}  // namespace nextframe
