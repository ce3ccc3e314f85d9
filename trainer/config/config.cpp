#include "trainer/config/config.h"

#include <algorithm>
#include <filesystem>

#include "model/registry.h"
#include "trainer/config/field_reader.h"
#include "trainer/config/layer.h"
#include "trainer/config/resolve.h"
#include "trainer/config/sections.h"
#include "trainer/config/value.h"

namespace nextframe {
namespace {

/// Adds the overrides on top and resolves; throws if anything was wrong.
Config finish(std::vector<Layer> layers, const std::string& name,
              const std::vector<std::string>& overrides, Problems& problems) {
  for (const auto& text : overrides) layers.push_back(parse_override(text, problems));
  Config config;
  if (!problems.fatal()) {
    config = resolve(layers, std::filesystem::path(name).stem().string(), problems);
  }
  if (!problems.empty()) throw ConfigError(problems.sorted());
  return config;
}

}  // namespace

Config load_config(const std::string& path, const std::vector<std::string>& overrides) {
  Problems problems;
  return finish(load_layers(path, problems), path, overrides, problems);
}

Config parse_config(const std::string& text, const std::string& name,
                    const std::vector<std::string>& overrides) {
  Problems problems;
  return finish(load_text_layers(text, name, problems), name, overrides, problems);
}

std::string to_yaml(const Config& config) {
  size_t width = 0;
  for (const auto& field : config.resolved) {
    const size_t dot = field.key.find('.');
    width = std::max(width, field.key.size() - dot + field.value.size() + 3);
  }
  std::string text;
  std::string section;
  for (const auto& field : config.resolved) {
    const size_t dot = field.key.find('.');
    if (field.key.substr(0, dot) != section) {
      section = field.key.substr(0, dot);
      text += section + ":\n";
    }
    std::string line = "  " + field.key.substr(dot + 1) + ": " + field.value;
    line.resize(std::max(line.size(), width + 1), ' ');
    text += line + "  # " + field.origin + "\n";
  }
  return text;
}

std::string Config::value_of(const std::string& key) const {
  for (const auto& field : resolved) {
    if (field.key == key) return field.value;
  }
  return "";
}

namespace {

/// All keys of a resolved config.
Assignments assignments_of(const Config& config) {
  Problems problems;
  Assignments assignments;
  const Layer layer = parse_layer(to_yaml(config), "resolved config", problems);
  for (const auto& assignment : layer.assignments) assignments[assignment.key] = assignment;
  TORCH_INTERNAL_ASSERT(problems.empty(), to_string(problems.sorted()));
  return assignments;
}

}  // namespace

std::shared_ptr<Objective> Config::make_objective() const {
  Problems ignored_problems;
  std::vector<ResolvedField> ignored;
  const auto assignments = assignments_of(*this);
  FieldReader fields("objective", assignments, ignored_problems, ignored);
  return ObjectiveRegistry::instance().get(value_of("objective.name"), "objective").make(fields);
}

void Config::check_model(const Traits& asked, const Report& report) const {
  Problems ignored_problems;
  std::vector<ResolvedField> ignored;
  const auto assignments = assignments_of(*this);
  FieldReader fields("model", assignments, ignored_problems, ignored);
  ModelRegistry::instance()
      .get(value_of("model.name"), "model")
      .check_asked(fields, asked, [&](const std::string& field, const std::string& problem) {
        report("model." + field, problem);
      });
}

namespace {

/// Where the keys that `text` names are set: " (run.yaml:12:3)", or "".
std::string places_of_keys(const std::string& text, const std::vector<ResolvedField>& resolved) {
  std::string places;
  for (const auto& field : resolved) {
    const bool is_named = text.find(c10::str(field.key, " ")) != text.npos;
    if (is_named && field.origin != "default") places += c10::str(" (", field.origin, ")");
  }
  return places;
}

/// What LibTorch refuses of sizes that do not fit the data is the config's fault.
template <class Make>
auto as_usage_error(const std::vector<ResolvedField>& resolved, const Make& make) {
  try {
    return make();
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw UsageError(text + places_of_keys(text, resolved));
  }
}

}  // namespace

bool Config::trains_tokenizer() const {
  const auto* entry = TokenizerRegistry::instance().find(value_of("tokenizer.name"));
  return entry != nullptr && entry->is_trainable();
}

std::string Config::trained_part() const {
  return value_of(trains_tokenizer() ? "tokenizer.name" : "model.name");
}

TrainedTokenizer Config::tokenizer() const {
  TrainedTokenizer trained;
  if (value_of("tokenizer.name") != "trained") return trained;
  Problems ignored_problems;
  std::vector<ResolvedField> ignored;
  const auto assignments = assignments_of(*this);
  FieldReader fields("tokenizer", assignments, ignored_problems, ignored);
  trained.fields(fields);
  return trained;
}

void Config::set_resolved(const std::string& key, const std::string& value,
                          const std::string& origin) {
  for (auto& field : resolved) {
    if (field.key == key) field.value = written(value), field.origin = origin;
  }
}

std::shared_ptr<WorldModel> Config::make_model(const ClipShape& shape,
                                               std::shared_ptr<Tokenizer> tokenizer,
                                               std::shared_ptr<Tokenizer> latent_actions) const {
  Problems problems;
  std::vector<ResolvedField> ignored;
  const auto assignments = assignments_of(*this);
  const bool bf16 = trainer.precision == "bf16";
  const auto seed = static_cast<uint64_t>(trainer.seed);
  if (trains_tokenizer()) {
    FieldReader fields("tokenizer", assignments, problems, ignored);
    const auto& entry = TokenizerRegistry::instance().get(value_of("tokenizer.name"), "tokenizer");
    return as_usage_error(resolved, [&] { return entry.make(fields, {shape, bf16, seed}); });
  }
  std::shared_ptr<Tokenizer> learned;
  const auto* learning = TokenizerRegistry::instance().find(value_of("tokenizer.name"));
  if (learning != nullptr && learning->learns_with_model) {
    FieldReader fields("tokenizer", assignments, problems, ignored);
    learned = as_usage_error(resolved, [&] { return learning->make(fields, {shape, bf16, seed}); });
  }
  FieldReader fields("model", assignments, problems, ignored);
  const auto& entry = ModelRegistry::instance().get(value_of("model.name"), "model");
  const auto trained = this->tokenizer();
  TORCH_CHECK(trained.from.empty() == (tokenizer == nullptr),
              "a model on latents needs its tokenizer, one on pixels has none");
  TORCH_CHECK(actions.is_latent() == (latent_actions != nullptr),
              "a model of latent actions needs their tokenizer, another has none");
  const auto frozen = [](std::shared_ptr<Tokenizer> given, int64_t pack) {
    return given ? std::make_shared<FrozenTokenizer>(std::move(given), pack) : nullptr;
  };
  return as_usage_error(resolved, [&] {
    return entry.make(fields, {.shape = shape,
                               .objective = make_objective(),
                               .actions = actions,
                               .bf16 = bf16,
                               .seed = seed,
                               .tokenizer = frozen(std::move(tokenizer), trained.pack),
                               .learned = learned,
                               .latent_actions = frozen(std::move(latent_actions), 1)});
  });
}

namespace {

constexpr const char* kAbsent = "(absent)";

/// Whether `field` is one that a config of an older version does not have, at its default: what it
/// stands for has not changed.
bool is_new_at_default(const ResolvedField& field) {
  static const auto known = known_fields();
  return std::any_of(known.begin(), known.end(), [&](const KnownField& other) {
    return other.key() == field.key && other.default_value == field.value;
  });
}

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
    if (old_field == nullptr && is_new_at_default(field)) continue;
    if (old_value != field.value) add(field, old_value, field.value);
  }
  for (const auto& field : before.resolved) {
    if (find_field(now, field.key) == nullptr) add(field, field.value, kAbsent);
  }
  return differences;
}

std::string why_another_run(const std::string& difference, const Config& now) {
  const auto is_of = [&](const char* key) { return difference.starts_with(key); };
  if (is_of("trainer.steps:")) {
    const bool plans_ahead = now.schedule.kind != "constant" && now.schedule.kind != "wsd";
    return plans_ahead ? "schedule.kind = " + now.schedule.kind +
                             " plans every learning rate up to the last step; with constant or wsd "
                             "the steps may grow"
                       : "the steps may grow, not shrink";
  }
  if (is_of("trainer.seed:")) return "its draws and the order of its clips would change";
  if (is_of("trainer.global_batch:") || is_of("data.")) return "its steps would be of other clips";
  if (is_of("trainer.grains:") || is_of("parallel.threads:") || is_of("parallel.reduce:"))
    return "its sums would be added in another order, and so be rounded otherwise";
  if (is_of("model.")) return "its weights belong to another model";
  return "the numbers of its steps would change";
}

std::string why_same_run(const std::string& difference) {
  if (difference.starts_with("trainer.steps:")) return "the schedule allows more steps";
  if (difference.starts_with("data.")) return "the data have to be the same, which is compared";
  return "no number of the run depends on it";
}

}  // namespace nextframe
