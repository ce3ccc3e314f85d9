// The list of a config's sections, each with a function that visits and checks its fields.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace nextframe {

struct Section {
  std::string name;
  std::string summary;
  std::function<void(FieldVisitor&, const Report&)> visit;
};

/// The sections that every config has, bound to `config`'s structs.
std::vector<Section> common_sections(Config& config);

/// A section whose fields depend on its `name` key: "tokenizer", "model" or "objective", each with
/// a registry.
struct NamedSection {
  std::string name;
  std::string default_entry;  // "" where it has to be named
  std::vector<std::string> entries;
  std::function<Section(const std::string& entry)> open;  // `entry` is one of `entries`
};

std::vector<NamedSection> named_sections();

/// Checks that involve several sections. Reports give the whole key.
void check_across_sections(const Config& config, const Report& report);

/// A field with its default, before any config is read.
struct KnownField {
  std::string section;
  std::string entry;  // the tokenizer, model or objective that owns it; "" in other sections
  std::string name;
  std::string type;  // "integer", "list of texts"
  std::string default_value;
  std::string help;
  FieldTag tag = FieldTag::identity;
  std::vector<std::string> choices;
  Range range = {};

  std::string key() const { return section + "." + name; }
};

/// All fields of all sections, including every registered tokenizer, model and objective.
std::vector<KnownField> known_fields();

/// Whether there are fields below a key: "data.columns", for data.columns.frames.
bool is_key_group(const std::string& key);

/// Names of all sections, in the order of a config.
std::vector<std::string> section_names();

}  // namespace nextframe
