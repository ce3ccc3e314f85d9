// Suggests the config key that a mistyped one was meant to be.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

/// The key of `known` ("optimizer.lr") that `key` was probably meant to be, or "". Considers
/// misspellings, other sections, and the names that other programs use (learning_rate,
/// batch_size).
std::string suggest_key(const std::string& key, const std::vector<std::string>& known);

/// The section that `name` was probably meant to be, or "".
std::string suggest_section(const std::string& name, const std::vector<std::string>& known);

}  // namespace nextframe
