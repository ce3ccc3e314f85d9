// The values that one source (a file, or --set) gives, before layers are merged. Only its .cpp
// knows yaml-cpp.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/value.h"

namespace nextframe {

/// One file, or one --set.
struct Layer {
  std::vector<Assignment> assignments;  // each key once
  std::vector<Assignment> sections;     // places of the sections; their values are empty
  std::vector<Value> extends;           // names of the files that this one extends
  std::shared_ptr<const Source> source;
};

/// Splits a YAML text into assignments. Duplicate keys, merge keys and shapes that a config
/// cannot have become problems; text that is not YAML gives one problem and an empty layer.
Layer parse_layer(const std::string& text, const std::string& name, Problems& problems);

/// Reads "section.key=value". The value is taken literally, except for a list in brackets.
Layer parse_override(const std::string& override_text, Problems& problems);

/// The layers of file `path`, where later ones win: the files that it `extends` (relative to
/// its folder, in that order), then itself. Unreadable files and cycles are problems.
std::vector<Layer> load_layers(const std::string& path, Problems& problems);

/// The same for a text, which messages call `name`.
std::vector<Layer> load_text_layers(const std::string& text, const std::string& name,
                                    Problems& problems);

}  // namespace nextframe
