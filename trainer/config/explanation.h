// `nextframe explain`: the help of a config key, from the fields themselves.
#pragma once

#include <string>

namespace nextframe {

/// What `key` means: "trainer.steps", a section ("trainer"), or a word alone ("steps") that stands
/// in some section. UsageError with near keys for an unknown one.
std::string explain_key(const std::string& key);

}  // namespace nextframe
