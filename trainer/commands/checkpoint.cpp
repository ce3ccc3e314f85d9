// `nextframe checkpoint list | inspect | hash | verify | prune`.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "trainer/checkpoint/store.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"
#include "trainer/load_run.h"
#include "trainer/records/run_folder.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

struct CheckpointArguments {
  std::string where;
  bool json = false;
  int64_t keep = 2;
};

std::shared_ptr<CheckpointArguments> common_options(CLI::App& app, const std::string& what) {
  app.group(kDataCommands);
  const auto options = std::make_shared<CheckpointArguments>();
  app.add_option(what, options->where,
                 "a run's folder" + std::string(what == "RUN" ? "" : ", or one checkpoint's"))
      ->required();
  app.add_flag("--json", options->json, "one JSON value on standard output");
  return options;
}

/// The checkpoints of a run's folder; error when the folder is none.
std::vector<fs::path> checkpoints_of(const std::string& run) {
  if (!fs::is_directory(run)) throw CheckpointError(run + ": no such run");
  return list_checkpoints(fs::path(run) / "checkpoints");
}

Json describe(const fs::path& checkpoint) {
  Json row = {{"path", checkpoint.string()}};
  try {
    const auto manifest = read_manifest(checkpoint);
    int64_t bytes = 0;
    for (const auto& [file, size] : manifest.file_bytes) bytes += size;
    row.update({{"step", manifest.position.step},
                {"samples", manifest.position.samples},
                {"digest", manifest.digest},
                {"world_size", manifest.world_size},
                {"bytes", bytes},
                {"tensors", manifest.tensors.size()},
                {"problem", nullptr}});
  } catch (const std::exception& error) {
    row["problem"] = error.what();
  }
  return row;
}

int list(const CheckpointArguments& options) {
  Json rows = Json::array();
  for (const auto& checkpoint : checkpoints_of(options.where)) rows.push_back(describe(checkpoint));
  if (options.json) return std::puts(rows.dump(2).c_str()), 0;
  if (rows.empty()) std::puts("no checkpoints yet");
  for (const auto& row : rows) {
    if (!row.at("problem").is_null()) {
      std::printf("%s  BROKEN  %s\n", row["path"].get<std::string>().c_str(),
                  row["problem"].get<std::string>().c_str());
      continue;
    }
    std::printf("%s  step %lld  %.1f MB  %lld ranks  %s\n", row["path"].get<std::string>().c_str(),
                row["step"].get<long long>(), row["bytes"].get<double>() / 1e6,
                row["world_size"].get<long long>(), row["digest"].get<std::string>().c_str());
  }
  return 0;
}

int inspect(const CheckpointArguments& options) {
  const fs::path checkpoint = resolve_checkpoint(options.where);
  const auto manifest = read_manifest(checkpoint);
  Json json = describe(checkpoint);
  json["dataset_fingerprint"] = manifest.dataset_fingerprint;
  json["environment"] = manifest.environment;
  json["config"] = manifest.config;
  for (const auto& tensor : manifest.tensors) json["sizes"][tensor.name] = tensor.sizes;
  if (options.json) return std::puts(json.dump(2).c_str()), 0;
  std::printf("%s\nstep %lld, %lld samples, digest %s\n\n", checkpoint.c_str(),
              static_cast<long long>(manifest.position.step),
              static_cast<long long>(manifest.position.samples), manifest.digest.c_str());
  for (const auto& [field, value] : manifest.environment)
    std::printf("%-16s %s\n", field.c_str(), value.c_str());
  std::printf("\n");
  for (const auto& tensor : manifest.tensors) {
    std::string sizes;
    for (const auto size : tensor.sizes)
      sizes += (sizes.empty() ? "" : " x ") + std::to_string(size);
    std::printf("%-60s %s\n", tensor.name.c_str(), sizes.c_str());
  }
  std::printf("\n%s", manifest.config.c_str());
  return 0;
}

int verify(const CheckpointArguments& options) {
  std::vector<fs::path> checkpoints = {options.where};
  if (!fs::exists(fs::path(options.where) / kManifestName))
    checkpoints = checkpoints_of(options.where);
  if (checkpoints.empty()) {
    throw CheckpointError(options.where +
                          ": holds no checkpoint (no manifest.json, no checkpoints/step_*)");
  }
  Json rows = Json::array();
  bool is_sound = true;
  for (const auto& checkpoint : checkpoints) {
    const auto problems = verify_checkpoint(checkpoint);
    is_sound = is_sound && problems.empty();
    rows.push_back(
        {{"path", checkpoint.string()}, {"valid", problems.empty()}, {"problems", problems}});
    if (options.json) continue;
    std::printf("%s  %s\n", checkpoint.c_str(), problems.empty() ? "valid" : "BROKEN");
    for (const auto& problem : problems) std::printf("  %s\n", problem.c_str());
  }
  if (options.json) std::puts(rows.dump(2).c_str());
  return static_cast<int>(is_sound ? ExitCode::done : ExitCode::checkpoint);
}

/// Recomputed from the bytes on disk, not copied from the manifest.
int hash(const CheckpointArguments& options) {
  const fs::path checkpoint = resolve_checkpoint(options.where);
  const auto problems = verify_checkpoint(checkpoint);
  if (!problems.empty()) throw CheckpointError(problems.front());
  const auto manifest = read_manifest(checkpoint);
  const Json json = {{"digest", manifest.digest},
                     {"step", manifest.position.step},
                     {"samples", manifest.position.samples}};
  std::puts(options.json ? json.dump().c_str() : manifest.digest.c_str());
  return 0;
}

int prune(const CheckpointArguments& options) {
  if (options.keep < 2)
    throw UsageError("--keep is " + std::to_string(options.keep) + "; at least 2 are kept");
  checkpoints_of(options.where);
  RunLock lock;
  lock.take(options.where);
  std::set<fs::path> known_valid;
  const auto removed =
      prune_checkpoints(fs::path(options.where) / "checkpoints", options.keep, known_valid);
  if (options.json) return std::puts(Json(removed).dump().c_str()), 0;
  for (const auto& name : removed) std::printf("removed %s\n", name.c_str());
  if (removed.empty()) std::puts("nothing to remove");
  return 0;
}

/// A subcommand that takes `what` and calls `body`.
template <int (*Body)(const CheckpointArguments&)>
CommandBody set_up_checkpoint(CLI::App& app) {
  const auto options =
      common_options(app, Body == list || Body == prune ? "RUN" : "RUN_OR_CHECKPOINT");
  if (Body == prune)
    app.add_option("--keep", options->keep, "number of newest valid checkpoints that stay");
  return [options] { return Body(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(checkpoint_list, "checkpoint list", "the checkpoints of a run", set_up_checkpoint<list>)
NF_REGISTER_COMMAND(checkpoint_inspect, "checkpoint inspect", "what a checkpoint holds",
                    set_up_checkpoint<inspect>)
NF_REGISTER_COMMAND(
    checkpoint_hash, "checkpoint hash",
    "one digest of parameters, optimizer and position, whatever the number of ranks", set_up_checkpoint<hash>)
NF_REGISTER_COMMAND(checkpoint_verify, "checkpoint verify", "read every byte against its checksums",
                    set_up_checkpoint<verify>)
NF_REGISTER_COMMAND(checkpoint_prune, "checkpoint prune", "remove all but the newest checkpoints",
                    set_up_checkpoint<prune>)

}  // namespace nextframe
