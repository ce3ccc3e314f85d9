#include "trainer/stages.h"

#include <c10/util/ScopeExit.h>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "model/parameters.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"
#include "trainer/load_run.h"
#include "trainer/records/run_folder.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

fs::path copy_in(const fs::path& run, const std::string& role) { return run / "stages" / role; }

/// The weights that are used: the average, if the run kept one.
std::string weights_of(const Manifest& manifest) {
  const bool has_average =
      !manifest.tensors.empty() && manifest.tensors.front().name.starts_with("ema/");
  return has_average ? "ema" : "parameters";
}

/// Of the weights alone, whatever the run was that made them.
std::string weights_digest(const Manifest& manifest) {
  const auto prefix = weights_of(manifest) + "/";
  std::string hashes;
  for (const auto& tensor : manifest.tensors) {
    if (!tensor.name.starts_with(prefix)) continue;
    hashes += tensor.name.substr(prefix.size());
    for (const auto& piece : tensor.pieces) {
      for (const auto& hash : piece.chunk_hashes) hashes += hash;
    }
  }
  return text_hash(hashes);
}

void require_tokenizer(const Config& config, const StageSource& source) {
  const auto part = config.trained_part();
  if (!config.trains_tokenizer()) {
    throw UsageError(source.key() + " = " + source.from + ": trains model " + part + ", not a " +
                     source.name());
  }
  const auto kind = TokenizerRegistry::instance().get(part, "tokenizer").kind;
  if (source.role == "actions" && kind != LatentSpace::Kind::changes) {
    throw UsageError(source.key() + " = " + source.from + ": tokenizer " + part + " gives " +
                     trait_name(trait_of(kind)) + ", not actions; one that does: latent_actions");
  }
}

/// The newest checkpoint of a run, or the checkpoint itself.
Stage stage_of_checkpoint(const std::string& run_or_checkpoint, const StageSource& source) {
  return with_checkpoint(run_or_checkpoint, [&](const fs::path& checkpoint) {
    const auto manifest = read_manifest(checkpoint);
    Stage stage{source,     parse_config(manifest.config, (checkpoint / kManifestName).string()),
                "",         {},
                checkpoint, weights_digest(manifest)};
    require_tokenizer(stage.config, source);
    return stage;
  });
}

bool is_config(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

bool has_finished(const fs::path& run, const Config& config) {
  const auto checkpoints = list_checkpoints(run / "checkpoints");
  if (checkpoints.empty()) return false;
  return read_manifest(checkpoints.back()).position.step >= config.trainer.steps;
}

}  // namespace

std::vector<StageSource> stage_sources(const Config& config) {
  std::vector<StageSource> sources;
  if (config.trains_tokenizer()) return sources;
  const auto tokenizer = config.tokenizer();
  if (!tokenizer.from.empty()) sources.push_back({"tokenizer", tokenizer.from, tokenizer.digest});
  if (config.actions.is_latent())
    sources.push_back({"actions", config.actions.from, config.actions.digest});
  return sources;
}

std::optional<Stage> find_stage(const StageSource& source) {
  const fs::path from = source.from;
  std::error_code ignored;
  // A tokenizer's config builds on no other; one that names itself would be read for ever.
  static thread_local bool reads_a_stage = false;
  if (reads_a_stage || !fs::exists(from, ignored)) return std::nullopt;
  reads_a_stage = true;
  const auto done = c10::make_scope_exit([] { reads_a_stage = false; });
  if (!is_config(from)) return stage_of_checkpoint(source.from, source);
  Stage stage{source, load_config(source.from), source.from, {}, {}, ""};
  require_tokenizer(stage.config, source);
  stage.run = run_folder_path(stage.config, source.from, "");
  if (!has_finished(stage.run, stage.config)) return stage;
  const auto found = stage_of_checkpoint(stage.run.string(), source);
  stage.checkpoint = found.checkpoint;
  stage.digest = found.digest;
  return stage;
}

Stage require_stage(const StageSource& source, const fs::path& run) {
  const auto require_same = [&](const std::string& digest, const std::string& which) {
    if (source.digest.empty() || source.digest == digest) return;
    throw CheckpointError(which + " is another " + source.name() +
                          ": its weights have the digest " + digest + ", this run's had " +
                          source.digest);
  };
  auto from = find_stage(source);
  const auto copy = copy_in(run, source.role);
  std::error_code ignored;
  if (!run.empty() && fs::exists(copy / kManifestName, ignored)) {
    const auto kept = stage_of_checkpoint(copy.string(), source);
    require_same(kept.digest, copy.string());
    if (from && from->is_trained() && from->digest != kept.digest) {
      throw CheckpointError(source.key() + " = " + source.from + " is another " + source.name() +
                            " than this run's: its weights have the digest " + from->digest +
                            ", those of " + copy.string() + " have " + kept.digest);
    }
    return kept;
  }
  if (!run.empty() && from && from->run.lexically_normal() == run.lexically_normal()) {
    throw UsageError(source.key() + " = " + source.from + " would be trained in " + run.string() +
                     ", which is this run's folder: give one of the two another with --run or "
                     "another file name");
  }
  if (!from) {
    throw UsageError(source.key() + " = " + source.from +
                     ": no such run, checkpoint or config, and " +
                     (run.empty() ? "no run has a copy" : copy.string() + " is not there either"));
  }
  if (from->is_trained()) {
    require_same(from->digest, source.key() + " = " + source.from);
  } else if (!source.digest.empty()) {
    throw CheckpointError(source.key() + " = " + source.from + ": has no finished run in " +
                          from->run.string() + ", and " + copy.string() + " is not there either");
  }
  return *from;
}

std::vector<Stage> require_stages(const Config& config, const fs::path& run) {
  std::vector<Stage> stages;
  for (const auto& source : stage_sources(config)) stages.push_back(require_stage(source, run));
  return stages;
}

void keep_stage(const Stage& stage, const fs::path& run) {
  const auto copy = copy_in(run, stage.source.role);
  if (fs::exists(copy / kManifestName)) return;
  auto unfinished = copy;
  unfinished += ".nextframe.tmp";
  fs::remove_all(unfinished);
  make_folder(copy.parent_path());
  fs::copy(stage.checkpoint, unfinished, fs::copy_options::recursive);
  fs::rename(unfinished, copy);
}

std::shared_ptr<Tokenizer> load_stage(const Stage& stage, const ClipShape& shape) {
  std::optional<Manifest> manifest;
  if (stage.is_trained()) {
    manifest = read_manifest(stage.checkpoint);
    const auto& made = manifest->shape;
    if (std::tie(made.height_px, made.width_px, made.channels) !=
        std::tie(shape.height_px, shape.width_px, shape.channels)) {
      throw UsageError(c10::str("the tokenizer ", stage.checkpoint.string(), " is of ",
                                made.height_px, "x", made.width_px, "x", made.channels,
                                " frames; the data's are ", shape.height_px, "x", shape.width_px,
                                "x", shape.channels));
    }
  }
  const auto tokenizer = std::dynamic_pointer_cast<Tokenizer>(stage.config.make_model(shape));
  TORCH_INTERNAL_ASSERT(tokenizer != nullptr);
  if (manifest) load_weights(*tokenizer, stage.checkpoint, *manifest, weights_of(*manifest));
  tokenizer->eval();
  tokenizer->freeze();
  return tokenizer;
}

std::shared_ptr<WorldModel> make_model(const Config& config, const ClipShape& shape,
                                       const std::vector<Stage>& stages) {
  std::shared_ptr<Tokenizer> tokenizer, latent_actions;
  for (const auto& stage : stages)
    (stage.source.role == "actions" ? latent_actions : tokenizer) = load_stage(stage, shape);
  return config.make_model(shape, tokenizer, latent_actions);
}

void check_fits(const Config& config, const ClipShape& shape, const std::vector<Stage>& stages) {
  std::shared_ptr<Tokenizer> tokenizer, latent_actions;
  bool all_trained = true;
  for (const auto& stage : stages) {
    if (stage.is_trained()) {
      (stage.source.role == "actions" ? latent_actions : tokenizer) = load_stage(stage, shape);
      continue;
    }
    const WithoutParameterMemory no_memory;
    stage.config.make_model(shape);
    all_trained = false;
  }
  if (!all_trained) return;
  const WithoutParameterMemory no_memory;
  config.make_model(shape, tokenizer, latent_actions);
}

std::shared_ptr<WorldModel> make_model_with_stages(const Config& config, const ClipShape& shape,
                                                   const fs::path& run) {
  return make_model(config, shape, require_stages(config, run));
}

}  // namespace nextframe
