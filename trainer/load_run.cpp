#include "trainer/load_run.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "kernels/flash_choice.h"
#include "kernels/torch.h"
#include "launch/host_memory.h"
#include "trainer/checkpoint/store.h"
#include "trainer/stages.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

bool has_buffer(const Manifest& manifest, const std::string& buffer) {
  return !manifest.tensors.empty() && manifest.tensors.front().name.starts_with(buffer + "/");
}

/// The config that a manifest holds. What is wrong with it is the manifest's fault, unless it comes
/// from the overrides.
Config config_of(const Manifest& manifest, const std::string& source,
                 const std::vector<std::string>& overrides) {
  try {
    return parse_config(manifest.config, source, overrides);
  } catch (const ConfigError& error) {
    if (!overrides.empty()) {
      config_of(manifest, source, {});
      throw;
    }
    throw CheckpointError(source + ": holds a config that this program does not accept:\n" +
                          error.what());
  }
}

/// A model that cannot be made from what the manifest says, or that needs more memory than there is
/// while what was stored needs less, is the manifest's fault.
std::shared_ptr<WorldModel> model_of(const Config& config, const Manifest& manifest,
                                     const std::string& source, bool has_overrides,
                                     const fs::path& run_folder) {
  const auto lies = [&](const std::string& reason) {
    const auto& shape = manifest.shape;
    throw CheckpointError(c10::str(source, ": the model of its config and of clips of ",
                                   shape.clip_frames, " frames of ", shape.height_px, "x",
                                   shape.width_px, "x", shape.channels, " with actions of ",
                                   shape.action_width, " cannot be made: ", reason));
  };
  const auto& shape = manifest.shape;
  if (std::min({shape.clip_frames, shape.height_px, shape.width_px, shape.channels}) < 1) {
    lies("a size is 0");
  }
  try {
    return make_model_with_stages(config, shape, run_folder);
  } catch (const UsageError& error) {
    if (has_overrides) throw;
    lies(error.what());
  } catch (const c10::OutOfMemoryError& error) {
    int64_t stored_bytes = 0;
    for (const auto& [file, bytes] : manifest.file_bytes) stored_bytes += bytes;
    if (stored_bytes > host_memory_available_bytes()) throw;
    lies(error.what_without_backtrace());
  }
  return nullptr;
}

}  // namespace

void load_weights(torch::nn::Module& model, const fs::path& checkpoint, const Manifest& manifest,
                  const std::string& buffer) {
  const torch::NoGradGuard no_grad;
  FlatParameters parameters(model);
  load_state(checkpoint, manifest, {parameters, {{buffer, parameters.values()}}, {}});
}

std::string resolve_checkpoint(const std::string& run_or_checkpoint) {
  const fs::path path = run_or_checkpoint;
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (!fs::exists(status)) {
    throw CheckpointError(run_or_checkpoint + ": " +
                          (status.type() == fs::file_type::not_found ? "no such run or checkpoint"
                                                                     : problem.message()));
  }
  if (fs::exists(path / kManifestName, problem)) return path.string();
  if (!fs::is_directory(path / "checkpoints", problem)) {
    throw CheckpointError(run_or_checkpoint +
                          ": is neither a run, which has a folder checkpoints, nor a checkpoint, "
                          "which has a " +
                          kManifestName);
  }
  const auto say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  const auto newest = newest_valid_checkpoint(path / "checkpoints", say);
  if (!newest) {
    throw CheckpointError(run_or_checkpoint + ": holds no checkpoint yet; expected " +
                          (path / "checkpoints" / checkpoint_name(0)).string() +
                          " or a later step");
  }
  return newest->string();
}

namespace {

LoadedRun load_checkpoint(const fs::path& checkpoint, bool prefer_ema,
                          const std::vector<std::string>& overrides) {
  LoadedRun run;
  run.checkpoint_folder = checkpoint.string();
  const auto manifest = read_manifest(checkpoint);
  const auto source = (checkpoint / kManifestName).string();
  run.config = config_of(manifest, source, overrides);
  run.has_ema = prefer_ema && has_buffer(manifest, "ema");
  run.step = manifest.position.step;
  run.digest = manifest.digest;
  const auto folder = fs::absolute(checkpoint).parent_path().parent_path();
  if (fs::exists(folder / "resolved.yaml")) run.run_folder = fs::relative(folder).string();
  run.shape = manifest.shape;
  run.action_scale = manifest.action_scale;
  choose_flash_kernels(run.config.trainer.flash_kernels);
  run.model = model_of(run.config, manifest, source, !overrides.empty(), folder);
  load_weights(*run.model, checkpoint, manifest, run.has_ema ? "ema" : "parameters");
  run.model->eval();
  return run;
}

}  // namespace

LoadedRun load_run(const std::string& run_or_checkpoint, bool prefer_ema,
                   const std::vector<std::string>& overrides) {
  return with_checkpoint(run_or_checkpoint, [&](const fs::path& checkpoint) {
    return load_checkpoint(checkpoint, prefer_ema, overrides);
  });
}

}  // namespace nextframe
