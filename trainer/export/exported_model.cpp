#include "trainer/export/exported_model.h"

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "data/error.h"
#include "kernels/torch.h"
#include "model/frame_model.h"
#include "trainer/exit_code.h"
#include "trainer/export/reference_loader.h"
#include "trainer/json_text.h"
#include "trainer/version.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

/// The action space of the data that the run was trained on, or of its held-out ones, if files of
/// the same actions are still where the config says.
std::optional<ActionSpace> action_space_of_data(const LoadedRun& run) {
  for (const auto& glob : {run.config.data.train, run.config.data.validation}) {
    if (glob.empty()) continue;
    try {
      const Dataset data(glob, run.config.data.clip_frames, run.config.data.stride_frames);
      if (data.shape().action_width != run.shape.action_width) continue;
      auto space = data.action_space();
      space.width = data.action_width();  // a foreign file may not declare it
      return space;
    } catch (const DataError&) {  // not here, or not readable: the names stay unknown
    }
  }
  return std::nullopt;
}

/// A value of a resolved config. What is written there as YAML is JSON, too, except for plain words
/// and rare escapes.
Json json_of_value(const std::string& written) {
  auto parsed = Json::parse(written, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_discarded()) return parsed;
  const auto node = YAML::Load(written);
  if (!node.IsSequence()) return node.Scalar();
  Json list = Json::array();
  for (const auto& item : node) list.push_back(item.Scalar());
  return list;
}

/// {"model": {"name": "frame_mlp", "dim": 256}, ...}
Json json_of_config(const Config& config) {
  Json sections = Json::object();
  for (const auto& field : config.resolved) {
    const auto dot = field.key.find('.');
    sections[field.key.substr(0, dot)][field.key.substr(dot + 1)] = json_of_value(field.value);
  }
  return sections;
}

Json json_of_actions(const ExportedModel& model) {
  Json actions = {{"type", "unknown"}};
  if (model.action_space) actions = Json::parse(to_json(*model.action_space));
  const auto& scale = model.run.action_scale;
  if (!scale.is_empty()) actions["scale"] = {{"centre", scale.centre}, {"scale", scale.scale}};
  return actions;
}

void add_parameters(NamedTensors& tensors, const std::string& prefix, torch::nn::Module& module) {
  for (const auto& parameter : module.named_parameters()) {
    tensors[prefix + parameter.key()] = parameter.value();
  }
}

fs::path run_folder_of(const LoadedRun& run) {
  return fs::absolute(run.checkpoint_folder).parent_path().parent_path();
}

std::vector<std::string> all_not_covered(const ExportedModel& model) {
  auto unknown = not_covered_by_loader(model.run.config);
  for (const auto& stage : model.stages) {
    for (const auto& what : not_covered_by_loader(stage.config)) {
      unknown.push_back(stage.source.role + ": " + what);
    }
  }
  return unknown;
}

}  // namespace

ExportedModel load_for_export(const std::string& run_or_checkpoint) {
  ExportedModel model{load_run(run_or_checkpoint), {}, {}, {}};
  model.stages = require_stages(model.run.config, run_folder_of(model.run));
  model.action_space = action_space_of_data(model.run);
  model.not_covered = all_not_covered(model);
  return model;
}

NamedTensors exported_weights(const ExportedModel& model) {
  NamedTensors tensors;
  add_parameters(tensors, "", *model.run.model);
  if (const auto* const network = dynamic_cast<const FrameModel*>(model.run.model.get())) {
    if (network->tokenizer() != nullptr)
      add_parameters(tensors, "tokenizer.", network->tokenizer()->tokenizer());
    if (network->latent_actions() != nullptr)
      add_parameters(tensors, "actions.", network->latent_actions()->tokenizer());
  }
  return tensors;
}

std::string exported_config(const ExportedModel& model) {
  const auto& run = model.run;
  const auto& shape = run.shape;
  Json json = {{"format", "nextframe-export"},
               {"format_version", 1},
               {"program", version_text()},
               {"step", run.step},
               {"digest", run.digest},
               {"weights", run.has_ema ? "ema" : "trained"},
               {"clip",
                {{"clip_frames", shape.clip_frames},
                 {"height_px", shape.height_px},
                 {"width_px", shape.width_px},
                 {"channels", shape.channels},
                 {"action_width", shape.action_width}}},
               {"actions", json_of_actions(model)},
               {"config", json_of_config(run.config)},
               {"tokenizer", nullptr},
               {"latent_actions", nullptr},
               {"not_covered", model.not_covered}};
  for (const auto& stage : model.stages) {
    json[stage.source.role == "actions" ? "latent_actions" : "tokenizer"] =
        json_of_config(stage.config);
  }
  return json_text(json, 1) + "\n";
}

void require_empty_folder(const fs::path& folder) {
  std::error_code problem;
  const auto status = fs::status(folder, problem);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) {
    throw UsageError("export: --out " + folder.string() + " is no folder; name a new one");
  }
  if (!fs::is_empty(folder, problem)) {
    throw UsageError("export: --out " + folder.string() +
                     " has files, and nothing is overwritten; name a new folder");
  }
}

void write_export(const ExportedModel& model, const fs::path& folder) {
  require_empty_folder(folder);
  make_folder(folder);
  write_safetensors(
      folder / "model.safetensors", exported_weights(model),
      {{"format", "nextframe-export"}, {"digest", model.run.digest}, {"program", version_text()}});
  write_durably(folder / "nextframe_model.py", reference_loader());
  write_durably(folder / "README.md", model_card(model));
  write_durably(folder / "config.json", exported_config(model));
}

}  // namespace nextframe
