// Help from the config fields themselves: the text of `nextframe explain`, and the JSON Schema for
// editors.
#pragma once

#include <string>

namespace nextframe {

/// Explains `key`: "trainer.steps", a section ("trainer"), or a field of any section
/// ("steps"). Throws UsageError with similar keys for an unknown one.
std::string explain_key(const std::string& key);

/// The schema (draft 2020-12) of all sections, with every registered model and objective.
std::string config_schema();

}  // namespace nextframe
