#include "trainer/config/resolve.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>

#include "model/tokenizer/tokenizer.h"
#include "trainer/config/field_reader.h"
#include "trainer/config/sections.h"
#include "trainer/config/suggestion.h"

namespace nextframe {
namespace {

std::string section_of(const std::string& key) { return key.substr(0, key.find('.')); }

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Resolver {
 public:
  Resolver(const std::vector<Layer>& layers, Problems& problems)
      : layers_(layers), problems_(problems) {
    for (const auto& layer : layers) {
      for (const auto& section : layer.sections) section_places_[section.key] = section.key_place;
      for (const auto& assignment : layer.assignments) {
        assignments_[assignment.key] = assignment;
      }
      if (!layer.source->lines.empty()) main_source_ = layer.source;
      if (!main_source_) main_source_ = layer.source;
    }
  }

  Config resolve(const std::string& run_name) {
    Config config;
    config.run.name = run_name;
    const auto common = common_sections(config);
    const auto named = named_sections();
    for (const auto& name : section_names()) {
      if (is_of_a_model(name) && trains_tokenizer()) {
        refuse_section(name);
        continue;
      }
      for (const auto& section : common) {
        if (section.name == name) read(section);
      }
      for (const auto& section : named) {
        if (section.name == name) read_named(section);
      }
    }
    find_beside("tokenizer.from");
    if (const auto found = find_beside("actions.from")) config.actions.from = *found;
    config.resolved = resolved_;
    check_across_sections(
        config, [&](const std::string& key, const std::string& problem) { report(key, problem); });
    find_unknown_keys();
    return config;
  }

 private:
  void read(const Section& section) {
    FieldReader reader(section.name, assignments_, problems_, resolved_);
    std::vector<std::pair<std::string, std::string>> reports;
    section.visit(reader, [&](const std::string& field, const std::string& problem) {
      reports.emplace_back(section.name + "." + field, problem);
    });
    failed_keys_.insert(reader.failed_keys().begin(), reader.failed_keys().end());
    for (const auto& [key, problem] : reports) report(key, problem);
  }

  /// A section whose fields are those of the entry that its `name` names.
  void read_named(const NamedSection& section) {
    const std::string key = section.name + ".name";
    const auto found = assignments_.find(key);
    std::string name;
    if (found == assignments_.end()) {
      name = section.default_entry;
      if (name.empty()) {
        problems_.add(place_of(key),
                      key + " is missing; choose one of " + c10::Join(", ", section.entries));
      }
    } else {
      Place place = found->second.value.place;
      std::string problem = read_value(found->second.value, name, place);
      if (problem.empty()) problem = choice_problem(name, section.entries);
      if (!problem.empty()) {
        problems_.add(place, key + " " + problem);
        name.clear();
      }
    }
    if (name.empty()) {
      unread_sections_.insert(section.name);
      return;
    }
    std::string origin = "default";
    if (found != assignments_.end()) {
      const auto& place = found->second.key_place;
      origin = place.line == 0 ? "--set" : place.to_string();
    }
    resolved_.push_back({key, written(name), origin, FieldTag::identity});
    read(section.open(name));
  }

  static bool is_of_a_model(const std::string& section) {
    return section == "model" || section == "objective" || section == "actions";
  }

  bool trains_tokenizer() const {
    const auto* entry = TokenizerRegistry::instance().find(resolved_value("tokenizer.name"));
    return entry != nullptr && entry->is_trainable();
  }

  std::string resolved_value(const std::string& key) const {
    for (const auto& field : resolved_) {
      if (field.key == key) return field.value;
    }
    return "";
  }

  /// A config that trains a tokenizer has no such section.
  void refuse_section(const std::string& name) {
    unread_sections_.insert(name);
    for (const auto& [key, assignment] : assignments_) {
      if (section_of(key) != name) continue;
      problems_.add(assignment.key_place,
                    key +
                        " is not used where tokenizer.name = " + resolved_value("tokenizer.name") +
                        " is trained; a model on its latents is another config, with tokenizer: "
                        "{name: trained, from: this file}");
      return;
    }
  }

  /// Such a key names a config beside the one where it stands, as `extends` does: its path, where
  /// there is one.
  std::optional<std::string> find_beside(const std::string& key) {
    const auto found = assignments_.find(key);
    if (found == assignments_.end() || found->second.value.place.line == 0) return std::nullopt;
    const std::filesystem::path from = found->second.value.text;
    if (from.is_absolute() || (from.extension() != ".yaml" && from.extension() != ".yml"))
      return std::nullopt;
    const auto beside =
        (std::filesystem::path(found->second.value.place.source->name).parent_path() / from)
            .lexically_normal();
    std::error_code ignored;
    if (!std::filesystem::exists(beside, ignored)) return std::nullopt;
    for (auto& field : resolved_) {
      if (field.key == key) field.value = written(beside.string());
    }
    return beside.string();
  }

  /// A check's problem, unless it speaks of a value that could not be read and so is not the
  /// user's.
  void report(const std::string& key, const std::string& problem) {
    for (const auto& failed : failed_keys_) {
      if (key == failed || problem.find(failed + " ") != problem.npos) return;
    }
    const auto field = std::find_if(resolved_.begin(), resolved_.end(),
                                    [&](const auto& other) { return other.key == key; });
    const bool has_value = field != resolved_.end() && field->value != "\"\"";
    problems_.add(place_of(key), key + (has_value ? " = " + field->value : "") + " " + problem);
  }

  /// Where the key is written; else its section, else the config's first line.
  Place place_of(const std::string& key) const {
    if (const auto found = assignments_.find(key); found != assignments_.end()) {
      return found->second.key_place;
    }
    const auto section = section_places_.find(section_of(key));
    return section != section_places_.end() ? section->second : Place{main_source_, 1, 1};
  }

  void find_unknown_keys() {
    std::vector<std::string> known;
    for (const auto& field : resolved_) known.push_back(field.key);
    const auto sections = section_names();
    for (const auto& layer : layers_) {
      for (const auto& section : layer.sections) {
        if (!contains(sections, section.key)) {
          problems_.add(section.key_place, unknown_section(section.key, known));
        }
      }
      for (const auto& [key, place, value] : layer.assignments) {
        const bool in_section = key.find('.') != key.npos;
        if (contains(sections, section_of(key))) {
          if (!in_section) {
            problems_.add(place, "section '" + key + "' needs keys of its own, such as '" +
                                     example_key(key, known) + "'");
          } else if (!contains(known, key) && !unread_sections_.contains(section_of(key))) {
            problems_.add(place, unknown_key(key, known));
          }
        } else if (place.line == 0) {  // of --set, whose section stands nowhere else
          problems_.add(place, in_section ? unknown_section(section_of(key), known, key)
                                          : unknown_section(key, known));
        }
      }
    }
  }

  static std::string example_key(const std::string& section,
                                 const std::vector<std::string>& known) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& key) {
      return key.starts_with(section + ".");
    });
    return found == known.end() ? section + ".name" : *found;
  }

  static std::string unknown_key(const std::string& key, const std::vector<std::string>& known) {
    const std::string suggestion = suggest_key(key, known);
    if (!suggestion.empty()) {
      return "unknown key '" + key + "'; did you mean '" + suggestion + "'?";
    }
    std::vector<std::string> siblings;
    const std::string section = section_of(key);
    for (const auto& other : known) {
      if (section_of(other) == section) siblings.push_back(other.substr(section.size() + 1));
    }
    return "unknown key '" + key + "'; keys of '" + section + "': " + c10::Join(", ", siblings);
  }

  static std::string unknown_section(const std::string& name, const std::vector<std::string>& known,
                                     const std::string& key = "") {
    const auto sections = section_names();
    std::string suggestion = suggest_section(name, sections);
    if (!suggestion.empty() && !key.empty()) suggestion += key.substr(name.size());
    if (suggestion.empty()) suggestion = suggest_key(key.empty() ? name : key, known);
    const std::string unknown = "unknown key '" + (key.empty() ? name : key) + "'";
    return suggestion.empty() ? unknown + "; sections: " + c10::Join(", ", sections)
                              : unknown + "; did you mean '" + suggestion + "'?";
  }

  const std::vector<Layer>& layers_;
  Problems& problems_;
  Assignments assignments_;
  std::map<std::string, Place> section_places_;
  std::shared_ptr<const Source> main_source_;
  std::vector<ResolvedField> resolved_;
  std::set<std::string> failed_keys_;
  std::set<std::string> unread_sections_;  // whose entry is not known
};

}  // namespace

Config resolve(const std::vector<Layer>& layers, const std::string& run_name, Problems& problems) {
  return Resolver(layers, problems).resolve(run_name);
}

}  // namespace nextframe
