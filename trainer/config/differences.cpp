#include "trainer/config/differences.h"

#include <algorithm>

namespace nextframe {
namespace {

constexpr const char* kAbsent = "(absent)";

const ResolvedField* find_field(const Config& config, const std::string& key) {
  const auto found = std::find_if(config.resolved.begin(), config.resolved.end(),
                                  [&](const auto& field) { return field.key == key; });
  return found == config.resolved.end() ? nullptr : &*found;
}

bool may_grow(const Config& before, const Config& now) {
  const std::string& kind = now.schedule.kind;
  return kind == before.schedule.kind && (kind == "constant" || kind == "wsd") &&
         now.trainer.steps > before.trainer.steps;
}

}  // namespace

ConfigDifferences compare_configs(const Config& before, const Config& now) {
  ConfigDifferences differences;
  const auto add = [&](const ResolvedField& field, const std::string& old_value,
                       const std::string& new_value) {
    const bool is_free =
        field.tag == FieldTag::free || (field.key == "trainer.steps" && may_grow(before, now));
    (is_free ? differences.free : differences.identity)
        .push_back(field.key + ": " + old_value + " → " + new_value);
  };
  for (const auto& field : now.resolved) {
    const ResolvedField* old_field = find_field(before, field.key);
    const std::string old_value = old_field == nullptr ? kAbsent : old_field->value;
    if (old_value != field.value) add(field, old_value, field.value);
  }
  for (const auto& field : before.resolved) {
    if (find_field(now, field.key) == nullptr) add(field, field.value, kAbsent);
  }
  return differences;
}

}  // namespace nextframe
