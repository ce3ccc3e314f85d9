#include "trainer/config/field_help.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "trainer/config/field_reader.h"
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

constexpr size_t kLineWidth = 100;

/// `text` that begins at column `indent`, broken into lines that begin there, too.
std::string wrapped(const std::string& text, size_t indent) {
  std::string lines;
  size_t column = indent;
  std::istringstream words(text);
  for (std::string word; words >> word; column += word.size() + 1) {
    if (column > indent && column + word.size() > kLineWidth) {
      lines.back() = '\n';  // instead of the space
      lines.append(indent, ' ');
      column = indent;
    }
    lines += word + " ";
  }
  if (!lines.empty()) lines.pop_back();
  return lines;
}

std::string explain_field(const KnownField& field) {
  const std::string owner =
      field.entry.empty() ? "" : "  (of " + field.section + " " + field.entry + ")";
  const bool is_required = field.name == "name" && field.default_value.empty();
  std::string text =
      field.key() + owner + "\n  " + wrapped(field.help, 2) + "\n  type     " + field.type;
  text += "\n  default  " + (is_required ? "none: it must be given" : field.default_value);
  if (const auto range = describe(field.range); !range.empty()) text += "\n  range    " + range;
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
    text += key + wrapped(field.help, key.size()) + "\n";
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
    const bool is_in_group = is_key_group(key) && field.key().starts_with(key + ".");
    if (field.key() != key && field.name != key && !is_in_group) continue;
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

namespace {

using Json = nlohmann::ordered_json;

Json closed_object(Json properties) {
  return {
      {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

/// The default as JSON: what `written` gives for numbers, booleans and lists of integers is JSON.
Json default_of(const KnownField& field) {
  if (field.type == "text") {
    const bool is_quoted = field.default_value.starts_with('"');
    return is_quoted ? Json::parse(field.default_value) : Json(field.default_value);
  }
  return Json::parse(field.default_value, nullptr, false);
}

/// A bound as JSON Schema counts it: whole numbers of integers as integers.
void add_bounds(Json& value, const Range& range, bool is_integer) {
  const auto bound = [&](double number) {
    return is_integer && std::abs(number) < 1e18 ? Json(static_cast<int64_t>(number))
                                                 : Json(number);
  };
  if (std::isfinite(range.least)) {
    value[range.excludes_least ? "exclusiveMinimum" : "minimum"] = bound(range.least);
  }
  if (std::isfinite(range.most)) {
    value[range.excludes_most ? "exclusiveMaximum" : "maximum"] = bound(range.most);
  }
}

Json schema_of(const KnownField& field) {
  const bool is_list = field.type.starts_with("list of ");
  const std::string item = is_list ? field.type.substr(8) : field.type;
  Json value = {{"type", item == "integer" || item == "integers" ? "integer"
                         : item == "number"                      ? "number"
                         : item == "true or false"               ? "boolean"
                                                                 : "string"}};
  if (!field.choices.empty()) value["enum"] = field.choices;
  add_bounds(value, field.range, value["type"] == "integer");
  if (is_list) value = {{"type", "array"}, {"items", std::move(value)}};
  value["description"] = field.help;
  const Json default_value = default_of(field);
  if (field.name != "name" && !default_value.is_discarded()) value["default"] = default_value;
  return value;
}

/// "columns.frames" is the property `frames` of the object `columns`.
void add_property(const KnownField& field, Json& properties) {
  const auto dot = field.name.find('.');
  if (dot == std::string::npos) {
    properties[field.name] = schema_of(field);
    return;
  }
  auto& group = properties[field.name.substr(0, dot)];
  if (group.is_null()) group = closed_object(Json::object());
  group["properties"][field.name.substr(dot + 1)] = schema_of(field);
}

/// A section that is closed by its `name`: one variant an entry of the registry.
Json schema_of(const NamedSection& section, const std::vector<KnownField>& fields) {
  Json variants = Json::array();
  for (const auto& entry : section.entries) {
    Json properties = {{"name", {{"const", entry}}}};
    for (const auto& field : fields) {
      if (field.section == section.name && field.entry == entry) {
        properties[field.name] = schema_of(field);
      }
    }
    Json variant = closed_object(std::move(properties));
    variant["required"] = {"name"};
    variant["description"] = section.open(entry).summary;
    variants.push_back(std::move(variant));
  }
  return {{"oneOf", std::move(variants)}};
}

}  // namespace

std::string config_schema() {
  const auto fields = known_fields();
  Json sections = {
      {"extends",
       {{"description", "files below this one, relative to its folder"},
        {"oneOf", {{{"type", "string"}}, {{"type", "array"}, {"items", {{"type", "string"}}}}}}}}};
  Config defaults;
  for (const auto& section : common_sections(defaults)) {
    Json properties = Json::object();
    for (const auto& field : fields) {
      if (field.section == section.name) add_property(field, properties);
    }
    sections[section.name] = closed_object(std::move(properties));
    sections[section.name]["description"] = section.summary;
  }
  for (const auto& section : named_sections()) {
    sections[section.name] = schema_of(section, fields);
  }
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "nextframe config"}};
  schema.update(closed_object(std::move(sections)));
  return schema.dump(2);
}

}  // namespace nextframe
