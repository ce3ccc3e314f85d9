// This file is what two configs differ in, split by whether it makes them different runs.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace nextframe {

/// Lines "key: old → new", in the order of the fields.
struct ConfigDifferences {
  std::vector<std::string> identity;  // another run: asks for --fork
  std::vector<std::string> free;      // the same run goes on
};

/// `trainer.steps` may grow where the schedule does not look ahead to the last step (constant) or
/// only at its own end (wsd). Paths of data are free: whoever opens the data compares fingerprints.
ConfigDifferences compare_configs(const Config& before, const Config& now);

}  // namespace nextframe
