// `nextframe checkpoint list | inspect | hash | verify | prune | pin | unpin`.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "trainer/checkpoint/store.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"
#include "trainer/json_text.h"
#include "trainer/load_run.h"
#include "trainer/records/run_lock.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

struct CheckpointArguments {
  std::string where;
  bool json = false;
  Retention retention{.keep = 2};
  int64_t step = 0;
};

std::shared_ptr<CheckpointArguments> common_options(CLI::App& app, const std::string& what) {
  app.group(kDataCommands);
  const auto options = std::make_shared<CheckpointArguments>();
  app.add_option(what, options->where,
                 "a run's folder" + std::string(what == "RUN" ? "" : ", or one checkpoint's"))
      ->required();
  app.add_flag("--json", options->json, "print one JSON value on standard output");
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
                {"pinned", is_pinned(checkpoint)},
                {"problem", nullptr}});
  } catch (const std::exception& error) {
    row["problem"] = error.what();
  }
  return row;
}

int list(const CheckpointArguments& options) {
  Json rows = Json::array();
  for (const auto& checkpoint : checkpoints_of(options.where)) {
    auto row = describe(checkpoint);
    if (fs::exists(checkpoint)) rows.push_back(std::move(row));  // else the run has pruned it
  }
  if (options.json) return std::puts(json_text(rows, 2).c_str()), 0;
  if (rows.empty()) std::puts("no checkpoints yet");
  for (const auto& row : rows) {
    if (!row.at("problem").is_null()) {
      std::printf("%s  BROKEN  %s\n", row["path"].get<std::string>().c_str(),
                  row["problem"].get<std::string>().c_str());
      continue;
    }
    std::printf("%s  step %lld  %.1f MB  %lld ranks  %s%s\n",
                row["path"].get<std::string>().c_str(), row["step"].get<long long>(),
                row["bytes"].get<double>() / 1e6, row["world_size"].get<long long>(),
                row["digest"].get<std::string>().c_str(),
                row["pinned"].get<bool>() ? "  pinned" : "");
  }
  return 0;
}

int inspect(const CheckpointArguments& options) {
  const auto [checkpoint, manifest] = with_checkpoint(
      options.where, [](const fs::path& path) { return std::pair(path, read_manifest(path)); });
  Json json = describe(checkpoint);
  json["dataset_fingerprint"] = manifest.dataset_fingerprint;
  json["environment"] = manifest.environment;
  json["config"] = manifest.config;
  for (const auto& tensor : manifest.tensors) json["sizes"][tensor.name] = tensor.sizes;
  if (options.json) return std::puts(json_text(json, 2).c_str()), 0;
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
    if (checkpoints.size() > 1 && !fs::exists(checkpoint)) continue;  // the run has pruned it
    is_sound = is_sound && problems.empty();
    rows.push_back(
        {{"path", checkpoint.string()}, {"valid", problems.empty()}, {"problems", problems}});
    if (options.json) continue;
    std::printf("%s  %s\n", checkpoint.c_str(), problems.empty() ? "valid" : "BROKEN");
    for (const auto& problem : problems) std::printf("  %s\n", problem.c_str());
  }
  if (options.json) std::puts(json_text(rows, 2).c_str());
  return static_cast<int>(is_sound ? ExitCode::done : ExitCode::checkpoint);
}

/// Recomputed from the bytes on disk, not copied from the manifest.
int hash(const CheckpointArguments& options) {
  const auto manifest = with_checkpoint(options.where, [](const fs::path& checkpoint) {
    const auto problems = verify_checkpoint(checkpoint);
    if (!problems.empty()) throw CheckpointError(problems.front());
    return read_manifest(checkpoint);
  });
  const Json json = {{"digest", manifest.digest},
                     {"step", manifest.position.step},
                     {"samples", manifest.position.samples}};
  std::puts(options.json ? json_text(json).c_str() : manifest.digest.c_str());
  return 0;
}

int prune(const CheckpointArguments& options) {
  const auto keep = options.retention.keep;
  if (keep < 2) throw UsageError("--keep is " + std::to_string(keep) + "; at least 2 are kept");
  checkpoints_of(options.where);
  RunLock lock;
  lock.take(options.where);
  std::set<fs::path> known_valid;
  const auto removed =
      prune_checkpoints(fs::path(options.where) / "checkpoints", options.retention, known_valid);
  if (options.json) return std::puts(json_text(Json(removed)).c_str()), 0;
  for (const auto& name : removed) std::printf("removed %s\n", name.c_str());
  if (removed.empty()) std::puts("nothing to remove");
  return 0;
}

/// Sets or takes away a pin. No lock is needed: whoever prunes looks once more before it removes.
template <bool IsPinned>
int pin(const CheckpointArguments& options) {
  const auto checkpoints = checkpoints_of(options.where);
  const auto path = fs::path(options.where) / "checkpoints" / checkpoint_name(options.step);
  if (std::find(checkpoints.begin(), checkpoints.end(), path) == checkpoints.end()) {
    std::string steps;
    for (const auto& known : checkpoints)
      steps += (steps.empty() ? "; there are " : ", ") + std::to_string(*checkpoint_step(known));
    throw CheckpointError(options.where + ": has no checkpoint of step " +
                          std::to_string(options.step) + steps);
  }
  if (IsPinned) read_manifest(path);  // a broken one is not worth keeping
  set_pinned(path, IsPinned);
  if (IsPinned && !is_pinned(path))
    throw CheckpointError(path.string() + ": was removed in this moment");
  const Json json = {{"path", path.string()}, {"step", options.step}, {"pinned", IsPinned}};
  const auto line = path.string() + (IsPinned ? "  pinned: it is never pruned" : "  not pinned");
  std::puts(options.json ? json_text(json).c_str() : line.c_str());
  return 0;
}

/// A subcommand that takes a run, or a checkpoint of it, and calls `Body`.
template <int (*Body)(const CheckpointArguments&)>
CommandBody set_up_checkpoint(CLI::App& app) {
  const bool is_of_one_step = Body == pin<true> || Body == pin<false>;
  const bool is_of_a_run = Body == list || Body == prune || is_of_one_step;
  const auto options = common_options(app, is_of_a_run ? "RUN" : "RUN_OR_CHECKPOINT");
  if (is_of_one_step) app.add_option("STEP", options->step, "step of the checkpoint")->required();
  if (Body == prune) {
    app.add_option("--keep", options->retention.keep, "number of newest valid checkpoints to keep");
    app.add_option("--keep-best", options->retention.keep_best,
                   "number of checkpoints with the lowest validation error to keep besides")
        ->check(CLI::NonNegativeNumber);
  }
  return [options] { return Body(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(checkpoint_list, "checkpoint list", "list the checkpoints of a run",
                    set_up_checkpoint<list>)
NF_REGISTER_COMMAND(checkpoint_inspect, "checkpoint inspect", "list what a checkpoint holds",
                    set_up_checkpoint<inspect>)
NF_REGISTER_COMMAND(checkpoint_hash, "checkpoint hash",
                    "print one hash of the training state, the same for any number of ranks",
                    set_up_checkpoint<hash>)
NF_REGISTER_COMMAND(checkpoint_verify, "checkpoint verify",
                    "read every byte and compare it with its checksums", set_up_checkpoint<verify>)
NF_REGISTER_COMMAND(checkpoint_pin, "checkpoint pin", "never prune the checkpoint of this step",
                    set_up_checkpoint<pin<true>>)
NF_REGISTER_COMMAND(checkpoint_unpin, "checkpoint unpin", "let a checkpoint be pruned again",
                    set_up_checkpoint<pin<false>>)
NF_REGISTER_COMMAND(checkpoint_prune, "checkpoint prune", "remove all but the newest checkpoints",
                    set_up_checkpoint<prune>)

}  // namespace nextframe
