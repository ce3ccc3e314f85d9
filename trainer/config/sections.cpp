#include "trainer/config/sections.h"

#include <c10/util/StringUtil.h>

#include <set>

#include "model/registry.h"
#include "trainer/config/value.h"
#include "trainer/stages.h"

namespace nextframe {
namespace {

template <class Struct>
Section bind(const char* name, const char* summary, Struct& values) {
  return {name, summary, [&values](FieldVisitor& field, const Report& report) {
            values.fields(field);
            values.check(report);
          }};
}

template <class Entry>
NamedSection named(const char* name, const char* default_entry = "") {
  const auto& registry = Registry<Entry>::instance();
  return {name, default_entry, registry.names(), [name, &registry](const std::string& entry_name) {
            const Entry* entry = registry.find(entry_name);
            TORCH_INTERNAL_ASSERT(entry != nullptr, entry_name);
            return Section{name, entry->summary, entry->visit};
          }};
}

class FieldRecorder final : public FieldVisitor {
 public:
  FieldRecorder(std::string section, std::string entry, std::vector<KnownField>& fields)
      : section_(std::move(section)), entry_(std::move(entry)), fields_(fields) {}

 private:
  void visit(const FieldInfo& info, bool& value) override { add(info, value, "true or false"); }
  void visit(const FieldInfo& info, int64_t& value) override { add(info, value, "integer"); }
  void visit(const FieldInfo& info, double& value) override { add(info, value, "number"); }
  void visit(const FieldInfo& info, std::string& value) override { add(info, value, "text"); }
  void visit(const FieldInfo& info, std::vector<int64_t>& value) override {
    add(info, value, "list of integers");
  }
  void visit(const FieldInfo& info, std::vector<std::string>& value) override {
    add(info, value, "list of texts");
  }

  template <class T>
  void add(const FieldInfo& info, const T& value, const char* type) {
    fields_.push_back({section_, entry_, info.name, type, written(value), info.help, info.tag,
                       info.choices, info.range});
  }

  std::string section_;
  std::string entry_;
  std::vector<KnownField>& fields_;
};

}  // namespace

std::vector<Section> common_sections(Config& config) {
  return {bind("run", "the run's name", config.run),
          bind("data", "what is read, and how it is cut into clips", config.data),
          bind("actions", "how actions enter the network", config.actions),
          bind("optimizer", "AdamW", config.optimizer),
          bind("schedule", "the learning rate of every step", config.schedule),
          bind("trainer", "how long, how many at once, in what numbers", config.trainer),
          bind("parallel", "how ranks share the work", config.parallel),
          bind("checkpoint", "when the run is saved", config.checkpoint),
          bind("evaluate", "what is measured on held-out episodes", config.evaluate)};
}

std::vector<NamedSection> named_sections() {
  return {named<TokenizerEntry>("tokenizer", "pixels"), named<ModelEntry>("model"),
          named<ObjectiveEntry>("objective")};
}

namespace {

std::string models_that_offer(const Traits& traits) {
  std::vector<std::string> names;
  for (const auto& name : ModelRegistry::instance().names()) {
    if (missing_traits(traits, ModelRegistry::instance().find(name)->offers).empty())
      names.push_back(name);
  }
  return c10::Join(", ", names);
}

std::string tokenizers_that_give(const Traits& kinds) {
  std::vector<std::string> names;
  for (const auto& name : TokenizerRegistry::instance().names()) {
    const auto* entry = TokenizerRegistry::instance().find(name);
    if (name == "trained" || entry->learns_with_model) continue;
    if (kinds.contains(trait_of(entry->kind))) names.push_back(name);
  }
  return c10::Join(", ", names);
}

std::string tokenizers_that_learn_with_models() {
  std::vector<std::string> names;
  for (const auto& name : TokenizerRegistry::instance().names()) {
    if (TokenizerRegistry::instance().find(name)->learns_with_model) names.push_back(name);
  }
  return c10::Join(", ", names);
}

/// Those stages that there are, by role.
std::map<std::string, Stage> find_stages(const Config& config, const Report& report) {
  std::map<std::string, Stage> stages;
  for (const auto& source : stage_sources(config)) {
    try {
      if (auto stage = find_stage(source)) stages.emplace(source.role, std::move(*stage));
    } catch (const std::exception& error) {
      report(source.key(), c10::str("cannot be used: ", error.what()));
    }
  }
  return stages;
}

/// Whether objective and network work on what the tokenizer gives.
void check_frames(const Config& config, const std::map<std::string, Stage>& stages,
                  const ModelEntry& model, const ObjectiveEntry& objective, const Report& report) {
  auto name = config.value_of("tokenizer.name");
  if (name == "trained") {
    const auto found = stages.find("tokenizer");
    if (found == stages.end()) return;  // a run has a copy, or training says that it is missing
    name = found->second.config.value_of("tokenizer.name");
  }
  const auto* tokenizer = TokenizerRegistry::instance().find(name);
  if (tokenizer == nullptr) return;
  const bool is_asked = objective.asks.contains(Trait::learned_latents);
  if (is_asked && !tokenizer->learns_with_model) {
    report("objective.name", c10::str("learns its latents; tokenizer ", name,
                                      " does not learn with the model; tokenizers that do: ",
                                      tokenizers_that_learn_with_models()));
    return;
  }
  if (!is_asked && tokenizer->learns_with_model) {
    report("tokenizer.name",
           "learns together with a model, which this objective does not ask for; "
           "objectives that do: jepa");
    return;
  }
  const Trait kind = trait_of(tokenizer->kind);
  if (!objective.frames.contains(kind)) {
    std::vector<std::string> wanted;
    for (const Trait trait : objective.frames) wanted.push_back(trait_name(trait));
    report("objective.name", c10::str("works on ", c10::Join(" or ", wanted), "; tokenizer ", name,
                                      " gives ", trait_name(kind), "; tokenizers that do: ",
                                      tokenizers_that_give(objective.frames)));
  } else if (!model.offers.contains(kind)) {
    report("model.name", c10::str("does not work on the ", trait_name(kind), " of tokenizer ", name,
                                  "; models that do: ", models_that_offer({kind})));
  }
}

/// Whether tokenizer, objective, network and action form go together.
void check_parts(const Config& config, const Report& report) {
  const std::string model_name = config.value_of("model.name");
  const auto* model = ModelRegistry::instance().find(model_name);
  const auto* objective = ObjectiveRegistry::instance().find(config.value_of("objective.name"));
  const auto check = [&](const std::string& key, const Traits& asked) {
    const auto missing = missing_traits(asked, model->offers);
    if (missing.empty()) return;
    std::vector<std::string> words;
    for (const Trait trait : missing) words.push_back(trait_name(trait));
    report(key,
           c10::str("asks for ", c10::Join(" and ", words), ", which model.name = ", model_name,
                    " does not offer; models that do: ", models_that_offer(asked)));
  };
  if (model != nullptr && objective != nullptr) {
    check("objective.name", objective->asks);
    config.check_model(objective->asks, report);
  }
  if (model != nullptr) check("actions.form", config.actions.asks());
  const auto stages = find_stages(config, report);
  if (model != nullptr && objective != nullptr)
    check_frames(config, stages, *model, *objective, report);
  if (config.evaluate.guidance != 1 && config.actions.is_none()) {
    report("evaluate.guidance", "needs a model that is told actions, but actions.form = none");
  } else if (config.evaluate.guidance != 1 && config.actions.dropout == 0) {
    report("evaluate.guidance",
           "needs a model that was trained with actions.dropout above 0, which has learned to "
           "predict without actions");
  }
  if (objective == nullptr) return;
  const auto made = config.make_objective();
  if (config.evaluate.guidance != 1 && made->fills_clips()) {
    report("evaluate.guidance",
           "is for objectives that go on frame by frame, and this one fills "
           "in clips; needed: 1");
  }
  const auto clip_problem = made->clip_problem(config.data.clip_frames);
  if (!clip_problem.empty()) report("data.clip_frames", clip_problem);
  const auto steps_problem = made->steps_problem(config.evaluate.denoise_steps);
  if (!steps_problem.empty()) report("evaluate.denoise_steps", steps_problem);
  if (config.trainer.grains < 1 || config.trainer.grains > config.trainer.global_batch) return;
  const int64_t clips = config.trainer.global_batch / config.trainer.grains;
  const int64_t least = made->least_clips();
  if (clips < least) {
    report("trainer.grains",
           c10::str("leaves grains of ", clips,
                    " clips of trainer.global_batch = ", config.trainer.global_batch,
                    "; this objective needs ", least, " or more in a grain"));
  }
}

}  // namespace

void check_across_sections(const Config& config, const Report& report) {
  check_parts(config, report);
  const int64_t steps = config.trainer.steps;
  // A warm-up longer than the run is allowed: a short trial run of a recipe has one.
  const auto& schedule = config.schedule;
  if (schedule.decay_steps > 0 && schedule.warmup_steps + schedule.decay_steps > steps) {
    report("schedule.decay_steps", c10::str("and schedule.warmup_steps = ", schedule.warmup_steps,
                                            " are together more than trainer.steps = ", steps));
  }
  if (config.evaluate.every_steps > 0 && config.data.validation.empty()) {
    report("evaluate.every_steps",
           "needs data.validation, a glob of held-out shards; or set it to 0");
  }
  if (config.checkpoint.keep_best > 0 && config.evaluate.every_steps == 0) {
    report("checkpoint.keep_best",
           "needs evaluate.every_steps, since the best are known by their evaluations");
  }
}

std::vector<KnownField> known_fields() {
  std::vector<KnownField> fields;
  const Report ignore = [](const std::string&, const std::string&) {};
  Config defaults;
  const auto record = [&](const Section& section, const std::string& entry) {
    FieldRecorder recorder(section.name, entry, fields);
    section.visit(recorder, ignore);
  };
  for (const auto& section : common_sections(defaults)) record(section, "");
  for (const auto& section : named_sections()) {
    fields.push_back({section.name,
                      "",
                      "name",
                      "text",
                      section.default_entry,
                      "the registered " + section.name,
                      FieldTag::identity,
                      section.entries,
                      {}});
    for (const auto& entry : section.entries) record(section.open(entry), entry);
  }
  return fields;
}

bool is_key_group(const std::string& key) {
  static const auto groups = [] {
    std::set<std::string> found;
    for (const auto& field : known_fields()) {
      const auto dot = field.name.find('.');
      if (dot != std::string::npos) found.insert(field.section + "." + field.name.substr(0, dot));
    }
    return found;
  }();
  return groups.contains(key);
}

std::vector<std::string> section_names() {
  return {"run",       "data",     "tokenizer", "model",    "objective",  "actions",
          "optimizer", "schedule", "trainer",   "parallel", "checkpoint", "evaluate"};
}

}  // namespace nextframe
