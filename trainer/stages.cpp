#include "trainer/stages.h"

#include <c10/util/ScopeExit.h>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"
#include "trainer/load_run.h"
#include "trainer/records/run_folder.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

fs::path copy_in(const fs::path& run) { return run / "stages" / "tokenizer"; }

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

void require_tokenizer(const Config& config, const std::string& from) {
  if (config.trains_tokenizer()) return;
  throw UsageError("tokenizer.from = " + from + ": trains model " + config.trained_part() +
                   ", not a tokenizer");
}

/// The newest checkpoint of a run, or the checkpoint itself.
TokenizerStage stage_of_checkpoint(const std::string& run_or_checkpoint, const std::string& from) {
  return with_checkpoint(run_or_checkpoint, [&](const fs::path& checkpoint) {
    const auto manifest = read_manifest(checkpoint);
    TokenizerStage stage{parse_config(manifest.config, (checkpoint / kManifestName).string()),
                         "",
                         {},
                         checkpoint,
                         weights_digest(manifest)};
    require_tokenizer(stage.config, from);
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

std::optional<TokenizerStage> find_stage(const TrainedTokenizer& trained) {
  const fs::path from = trained.from;
  std::error_code ignored;
  // A tokenizer's config builds on no other; one that names itself would be read for ever.
  static thread_local bool reads_a_stage = false;
  if (reads_a_stage || !fs::exists(from, ignored)) return std::nullopt;
  reads_a_stage = true;
  const auto done = c10::make_scope_exit([] { reads_a_stage = false; });
  if (!is_config(from)) return stage_of_checkpoint(trained.from, trained.from);
  TokenizerStage stage{load_config(trained.from), trained.from, {}, {}, ""};
  require_tokenizer(stage.config, trained.from);
  stage.run = run_folder_path(stage.config, trained.from, "");
  if (!has_finished(stage.run, stage.config)) return stage;
  const auto found = stage_of_checkpoint(stage.run.string(), trained.from);
  stage.checkpoint = found.checkpoint;
  stage.digest = found.digest;
  return stage;
}

TokenizerStage require_stage(const TrainedTokenizer& trained, const fs::path& run) {
  const auto require_same = [&](const std::string& digest, const std::string& which) {
    if (trained.digest.empty() || trained.digest == digest) return;
    throw CheckpointError(which + " is another tokenizer: its weights have the digest " + digest +
                          ", this run's had " + trained.digest);
  };
  auto from = find_stage(trained);
  const auto copy = copy_in(run);
  std::error_code ignored;
  if (!run.empty() && fs::exists(copy / kManifestName, ignored)) {
    const auto kept = stage_of_checkpoint(copy.string(), copy.string());
    require_same(kept.digest, copy.string());
    if (from && from->is_trained() && from->digest != kept.digest) {
      throw CheckpointError("tokenizer.from = " + trained.from +
                            " is another tokenizer than this run's: its weights have the digest " +
                            from->digest + ", those of " + copy.string() + " have " + kept.digest);
    }
    return kept;
  }
  if (!from) {
    throw UsageError("tokenizer.from = " + trained.from +
                     ": no such run, checkpoint or config, and " +
                     (run.empty() ? "no run has a copy" : copy.string() + " is not there either"));
  }
  if (from->is_trained()) {
    require_same(from->digest, "tokenizer.from = " + trained.from);
  } else if (!trained.digest.empty()) {
    throw CheckpointError("tokenizer.from = " + trained.from + ": has no finished run in " +
                          from->run.string() + ", and " + copy.string() + " is not there either");
  }
  return *from;
}

void keep_stage(const TokenizerStage& stage, const fs::path& run) {
  const auto copy = copy_in(run);
  if (fs::exists(copy / kManifestName)) return;
  auto unfinished = copy;
  unfinished += ".nextframe.tmp";
  fs::remove_all(unfinished);
  make_folder(copy.parent_path());
  fs::copy(stage.checkpoint, unfinished, fs::copy_options::recursive);
  fs::rename(unfinished, copy);
}

std::shared_ptr<Tokenizer> load_stage(const TokenizerStage& stage, const ClipShape& shape) {
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

std::shared_ptr<WorldModel> make_model_with_stage(const Config& config, const ClipShape& shape,
                                                  const fs::path& run) {
  const auto trained = config.tokenizer();
  if (trained.from.empty()) return config.make_model(shape);
  return config.make_model(shape, load_stage(require_stage(trained, run), shape));
}

}  // namespace nextframe
