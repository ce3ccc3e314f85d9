#include "trainer/config/explanation.h"

#include <algorithm>

#include "trainer/config/sections.h"
#include "trainer/config/suggestion.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::string explain_field(const KnownField& field) {
  const std::string owner =
      field.entry.empty() ? "" : "  (of " + field.section + " " + field.entry + ")";
  const bool is_required = field.name == "name" && field.default_value.empty();
  std::string text = field.key() + owner + "\n  " + field.help + "\n  type     " + field.type;
  text += "\n  default  " + (is_required ? "none: it must be given" : field.default_value);
  if (!field.choices.empty()) text += "\n  choices  " + joined(field.choices);
  text += field.tag == FieldTag::identity
              ? "\n  identity: it changes a run's numbers, so another value is another run\n"
              : "\n  free: it may change when a run goes on\n";
  return text;
}

/// The keys of a section in one column, their help in the next.
std::string list_section(const std::string& section, const std::vector<KnownField>& fields) {
  size_t width = 0;
  for (const auto& field : fields) {
    if (field.section == section) width = std::max(width, field.key().size());
  }
  std::string text;
  std::string entry;
  for (const auto& field : fields) {
    if (field.section != section) continue;
    if (field.entry != entry) text += "\n" + section + " " + field.entry + ":\n";
    entry = field.entry;
    std::string key = field.key();
    key.resize(width + 2, ' ');
    text += key + field.help + "\n";
  }
  return text;
}

}  // namespace

std::string explain_key(const std::string& key) {
  const auto fields = known_fields();
  const auto sections = section_names();
  if (std::find(sections.begin(), sections.end(), key) != sections.end()) {
    return list_section(key, fields);
  }
  std::string text;
  std::vector<std::string> keys;
  for (const auto& field : fields) {
    keys.push_back(field.key());
    if (field.key() != key && field.name != key) continue;
    if (!text.empty()) text += "\n";
    text += explain_field(field);
  }
  if (!text.empty()) return text;
  std::string suggestion = suggest_key(key, keys);
  if (suggestion.empty()) suggestion = suggest_section(key, sections);
  throw UsageError("unknown key '" + key + "'" +
                   (suggestion.empty() ? "; sections: " + joined(sections)
                                       : "; did you mean '" + suggestion + "'?"));
}

}  // namespace nextframe
