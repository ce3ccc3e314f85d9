// Suggests the config key that a mistyped one was meant to be.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

/// The key of `known` ("optimizer.lr") that `key` was meant to be, or "". Looks at misspellings,
/// at other sections, and at the words other programs use (learning_rate, batch_size).
std::string suggest_key(const std::string& key, const std::vector<std::string>& known);

/// The section that `name` was meant to be, or "".
std::string suggest_section(const std::string& name, const std::vector<std::string>& known);

}  // namespace nextframe
