#include "trainer/init_weights.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "data/input_file.h"
#include "kernels/torch.h"
#include "launch/rank_agreement.h"
#include "trainer/checkpoint/store.h"
#include "trainer/config/config.h"
#include "trainer/exit_code.h"
#include "trainer/load_run.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr const char* kInitName = "init.json";

std::string size_text(at::IntArrayRef sizes) { return c10::str("[", c10::Join(", ", sizes), "]"); }

/// The checkpoint's tensors of one buffer, by the name of their parameter.
std::map<std::string, const StoredTensor*> tensors_of(const Manifest& manifest,
                                                      const std::string& buffer) {
  std::map<std::string, const StoredTensor*> found;
  for (const auto& tensor : manifest.tensors) {
    if (tensor.name.starts_with(buffer + "/"))
      found.emplace(tensor.name.substr(buffer.size() + 1), &tensor);
  }
  return found;
}

/// Keys that decide what a weight means, where the two configs differ in them.
std::vector<std::string> differing_keys(const Manifest& manifest, const Config& config) {
  std::vector<std::string> keys;
  try {
    const auto before = parse_config(manifest.config, "the source's config");
    for (const auto& line : compare_configs(before, config).identity) {
      if (line.starts_with("model.") || line.starts_with("objective.")) keys.push_back(line);
    }
  } catch (const ExitError&) {
    keys.emplace_back("(the source's config is of another version and cannot be compared)");
  }
  return keys;
}

/// "a, b, c and 7 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kMost = 6;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) text += (i > 0 ? ", " : "") + names[i];
  return names.size() > kMost ? c10::str(text, " and ", names.size() - kMost, " more") : text;
}

std::string absolute_text(const std::string& path) {
  std::error_code ignored;
  const auto found = fs::weakly_canonical(path, ignored);
  return ignored ? path : found.string();
}

void write_init(const fs::path& run, const InitRecord& record) {
  const nlohmann::ordered_json json = {
      {"source", record.source},      {"checkpoint", record.checkpoint},
      {"step", record.step},          {"digest", record.digest},
      {"weights", record.weights},    {"taken", record.taken},
      {"drawn", record.drawn},        {"unused", record.unused},
      {"differing", record.differing}};
  make_folder(run);
  write_durably(run / kInitName,
                json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

InitRecord plan_init(const std::string& run_or_checkpoint, const Model& model,
                     const Config& config) {
  InitRecord record;
  record.source = absolute_text(run_or_checkpoint);
  record.checkpoint = absolute_text(resolve_checkpoint(run_or_checkpoint));
  const auto manifest = read_manifest(record.checkpoint);
  record.step = manifest.position.step;
  record.digest = manifest.digest;
  record.weights = tensors_of(manifest, "ema").empty() ? "parameters" : "ema";
  auto stored = tensors_of(manifest, record.weights);
  const auto parameters = model.named_parameters();
  for (const auto& item : parameters) {
    const auto found = stored.find(item.key());
    const auto size = size_text(item.value().sizes());
    if (found == stored.end()) {
      record.drawn.push_back(item.key() + " " + size);
      continue;
    }
    if (item.value().sizes() == at::IntArrayRef(found->second->sizes)) {
      record.taken.push_back(item.key());
    } else {
      record.drawn.push_back(c10::str(item.key(), " ", size, " (the source's is ",
                                      size_text(found->second->sizes), ")"));
    }
    stored.erase(found);
  }
  for (const auto& [name, tensor] : stored)
    record.unused.push_back(name + " " + size_text(tensor->sizes));
  if (record.taken.empty()) {
    throw CheckpointError(c10::str(
        "--init ", run_or_checkpoint, ": none of the ", parameters.size(),
        " parameters of this model has the name and shape of one of the source's; this model has ",
        some_of(record.drawn), "; the source also has ", some_of(record.unused)));
  }
  record.differing = differing_keys(manifest, config);
  return record;
}

std::optional<InitRecord> read_init(const fs::path& run) {
  const auto path = run / kInitName;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(read_text(path));
    return InitRecord{json.at("source"), json.at("checkpoint"), json.at("step"),
                      json.at("digest"), json.at("weights"),    json.at("taken"),
                      json.at("drawn"),  json.at("unused"),     json.at("differing")};
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(path.string() +
                          ": does not say where the run's first weights come from (" +
                          json_reason(error) + "); start another run with --fork");
  }
}

void begin_init(const fs::path& run, const std::string& source, const Model& model,
                const Config& config) {
  const auto left_over = read_init(run);  // of a start that was killed right here
  if (!source.empty()) return write_init(run, plan_init(source, model, config));
  if (left_over) {
    throw UsageError((run / kInitName).string() + ": a run that was to begin with --init " +
                     left_over->source +
                     " never began here; give that --init again, choose "
                     "another folder with --run, or remove the file");
  }
}

void require_same_init(const fs::path& run, const std::string& source) {
  if (source.empty()) return;
  const auto record = read_init(run);
  const auto given = absolute_text(source);
  if (record && (given == record->source || given == record->checkpoint)) return;
  throw UsageError(run.string() +
                   (record ? " was begun with --init " + record->source
                           : " is a run that was begun without --init") +
                   ", so it cannot begin from " + source +
                   " now.\nNothing was changed. Leave --init away to continue it; to start another "
                   "run: --fork NEW_DIR");
}

std::vector<at::Tensor> read_init_weights(const InitRecord& record) {
  const auto where = "--init " + record.source + ": ";
  std::error_code ignored;
  if (!fs::exists(record.checkpoint, ignored)) {
    throw CheckpointError(where + record.checkpoint +
                          " is gone, and this run has no checkpoint of its own yet; start another "
                          "run with --fork and another --init");
  }
  const auto manifest = read_manifest(record.checkpoint);
  if (manifest.digest != record.digest) {
    throw CheckpointError(where + record.checkpoint +
                          " is not the one that this run was to begin with, and it has no "
                          "checkpoint of its own yet; start another run with --fork");
  }
  const auto stored = tensors_of(manifest, record.weights);
  std::vector<at::Tensor> weights;
  for (const auto& name : record.taken) {
    const auto found = stored.find(name);
    if (found == stored.end()) throw CheckpointError(where + "has no '" + name + "'");
    const auto& tensor = *found->second;
    weights.push_back(read_slice(record.checkpoint, tensor, 0, c10::multiply_integers(tensor.sizes))
                          .view(tensor.sizes));
    if (!weights.back().isfinite().all().item<bool>())
      throw CheckpointError(where + "'" + name + "' holds numbers that are not finite");
  }
  return weights;
}

void share_init_weights(Communicator& control, Model& model, const std::vector<std::string>& names,
                        std::vector<at::Tensor> weights) {
  const torch::NoGradGuard no_grad;
  const bool is_root = control.rank() == 0;
  const auto list = broadcast_string(control, is_root ? nlohmann::json(names).dump() : "");
  auto parameters = model.named_parameters();
  size_t place = 0;
  for (const auto& name : nlohmann::json::parse(list)) {
    auto& parameter = parameters[name.get<std::string>()];
    const auto values = is_root ? weights[place].contiguous()
                                : at::empty(parameter.sizes(), at::TensorOptions(at::kFloat));
    control.broadcast(values, 0).wait();
    TORCH_CHECK(values.sizes() == parameter.sizes(), "--init: '", name.get<std::string>(),
                "' has another shape in this model");
    parameter.copy_(values);
    ++place;
  }
}

std::vector<std::string> describe_init(const InitRecord& record) {
  const auto num_parameters = record.taken.size() + record.drawn.size();
  std::vector<std::string> lines = {c10::str(
      "initial weights: ", record.taken.size(), " of ", num_parameters, " parameters from ",
      record.checkpoint, " (step ", record.step, ", ",
      record.weights == "ema" ? "averaged (EMA) weights" : "trained weights, it keeps no average",
      "); the optimizer starts anew")};
  if (!record.drawn.empty()) lines.push_back("drawn anew: " + some_of(record.drawn));
  if (!record.unused.empty()) lines.push_back("not used of the source: " + some_of(record.unused));
  if (!record.differing.empty())
    lines.push_back("the source was trained with another " + some_of(record.differing));
  return lines;
}

}  // namespace nextframe
