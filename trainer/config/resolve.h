// Merges layers of assignments into a checked config.
#pragma once

#include <vector>

#include "trainer/config/config.h"
#include "trainer/config/layer.h"

namespace nextframe {

/// Merges the layers, where later ones win, and fills a config from them. `run_name` is the
/// default of run.name. Whatever does not fit is reported in `problems`.
Config resolve(const std::vector<Layer>& layers, const std::string& run_name, Problems& problems);

}  // namespace nextframe
