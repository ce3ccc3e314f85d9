// `nextframe explain`: the help of a config key, from the fields themselves.
#pragma once

#include <string>

namespace nextframe {

/// Explains `key`: "trainer.steps", a section ("trainer"), or a field of any section
/// ("steps"). Throws UsageError with similar keys for an unknown one.
std::string explain_key(const std::string& key);

}  // namespace nextframe
