// The JSON Schema of a config, for editors that complete and check YAML.
#pragma once

#include <string>

namespace nextframe {

/// Draft 2020-12, of every section, with every registered model and objective.
std::string config_schema();

}  // namespace nextframe
