// nextframe check CONFIG: everything that is wrong with a config and its data, or every value and
// its origin.
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "data/error.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/evaluate/held_out_data.h"
#include "trainer/machine_checks.h"
#include "trainer/stages.h"

namespace nextframe {
namespace {

struct CheckOptions {
  std::shared_ptr<const ConfigArguments> config;
  bool as_json = false, without_data = false;
};

nlohmann::json to_json(const std::vector<Problem>& problems) {
  auto list = nlohmann::json::array();
  for (const auto& [place, message] : problems) {
    list.push_back({{"file", place.source->name},
                    {"line", place.line},
                    {"column", place.column},
                    {"message", message}});
  }
  return list;
}

nlohmann::json to_json(const std::vector<ResolvedField>& fields) {
  auto list = nlohmann::json::array();
  for (const auto& field : fields) {
    list.push_back({{"key", field.key},
                    {"value", field.value},
                    {"origin", field.origin},
                    {"identity", field.tag == FieldTag::identity}});
  }
  return list;
}

void print(const Config& config) {
  size_t key_width = 0;
  size_t value_width = 0;
  size_t num_given = 0;
  for (const auto& field : config.resolved) {
    key_width = std::max(key_width, field.key.size());
    value_width = std::max(value_width, field.value.size());
    num_given += field.origin != "default";
  }
  for (const auto& [key, value, origin, tag] : config.resolved) {
    std::cout << std::left << std::setw(static_cast<int>(key_width + 2)) << key
              << std::setw(static_cast<int>(value_width + 2)) << value << origin << "\n";
  }
  std::cout << "\nno errors: " << config.resolved.size() << " values, " << num_given
            << " of them given, the others default" << std::endl;
  if (const auto note = thread_note(config.parallel.threads); !note.empty()) {
    std::cout << note << std::endl;
  }
}

/// A tokenizer that the config builds on.
std::string describe_stage(const Stage& stage) {
  const auto name = stage.config.value_of("tokenizer.name");
  if (stage.is_trained())
    return c10::str(name, " of ", stage.checkpoint.string(), ", digest ", stage.digest);
  return c10::str(name, ", which is trained first: ", stage.config.trainer.steps, " steps of ",
                  stage.config_path, " in ", stage.run.string());
}

struct DataAnswer {
  std::string text;                // what both sets hold
  std::vector<std::string> notes;  // what is odd about them
};

/// Opens both sets as training does, and sees whether the model fits them. Throws DataError, and
/// UsageError where it does not.
DataAnswer check_data(const Config& config, const std::vector<Stage>& stages) {
  const Dataset train = open_training_set(config.data);
  DataAnswer answer;
  const auto add = [&](const std::vector<std::string>& lines) {
    answer.notes.insert(answer.notes.end(), lines.begin(), lines.end());
  };
  answer.text = c10::str(train.num_episodes(), " episodes, ", train.num_clips(), " clips of ",
                         config.data.clip_frames, " frames; ", describe_shape(train.shape()));
  if (const auto validation = open_validation(config.data, config.evaluate, train)) {
    answer.text += "; " + describe_held_out(*validation, config.evaluate);
    add(validation->describe_reading("data.validation"));
    answer.notes.push_back(describe_shards_in_common(train.identities(), validation->identities()));
    add(describe_held_out_actions(*validation, "data.validation", usual_scale(train)));
  }
  add(train.describe_reading("data.train"));
  answer.notes.push_back(describe_repeated_shards(train.identities(), "data.train"));
  add(describe_training_actions(train, "data.train"));
  std::erase(answer.notes, "");
  check_fits(config, train.shape(), stages);
  return answer;
}

nlohmann::json check_as_json(const CheckOptions& options, ExitCode& code) {
  nlohmann::json answer;
  try {
    const Config config = options.config->load();
    answer = {{"valid", true}, {"fields", to_json(config.resolved)}};
    const auto stages = require_stages(config, {});
    for (const auto& stage : stages)
      answer[stage.source.role == "actions" ? "latent_actions" : "tokenizer"] =
          describe_stage(stage);
    if (options.without_data) return answer;
    const auto data = check_data(config, stages);
    answer["data"] = data.text;
    answer["data_notes"] = data.notes;
  } catch (const ConfigError& error) {
    code = ExitCode::usage;
    return {{"valid", false}, {"problems", to_json(error.problems)}};
  } catch (const UsageError& error) {
    code = ExitCode::usage;
    answer["valid"] = false;
    answer["model_problem"] = error.what();
  } catch (const DataError& error) {
    code = ExitCode::data;
    answer["valid"] = false;
    answer["data_problem"] = error.what();
  }
  return answer;
}

int check(const CheckOptions& options) {
  if (options.as_json) {
    auto code = ExitCode::done;
    const auto answer = check_as_json(options, code);
    using nlohmann::json;
    std::cout << answer.dump(2, ' ', false, json::error_handler_t::replace) << std::endl;
    return static_cast<int>(code);
  }
  const Config config = options.config->load();
  const auto stages = require_stages(config, {});
  print(config);
  for (const auto& stage : stages)
    std::cout << stage.source.name() << ": " << describe_stage(stage) << std::endl;
  if (options.without_data) return 0;
  const auto data = check_data(config, stages);
  std::cout << "data: " << data.text << std::endl;
  for (const auto& note : data.notes) std::cout << note << std::endl;
  return 0;
}

CommandBody set_up_check(CLI::App& app) {
  app.group(kConfigCommands);
  const auto options = std::make_shared<CheckOptions>();
  options->config = add_config_arguments(app);
  app.add_flag("--json", options->as_json, "print one JSON value on standard output");
  app.add_flag("--without-data", options->without_data,
               "check the config alone, without opening its data");
  return [options] { return check(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(check, "check",
                    "validate a config and its data; print every value and where it came from",
                    set_up_check)

}  // namespace nextframe
