// Tells of latents that collapse while a model trains: few codes in use, or little variation.
#pragma once

#include <map>
#include <string>

namespace nextframe {

/// What is wrong with a model's monitors (Model::monitors) and what usually helps, or "".
std::string describe_collapse(const std::map<std::string, double>& monitors);

}  // namespace nextframe
