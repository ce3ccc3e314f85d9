// The JSON Schema of a config, for editors that complete and check YAML.
#pragma once

#include <string>

namespace nextframe {

/// The schema (draft 2020-12) of all sections, with every registered model and objective.
std::string config_schema();

}  // namespace nextframe
