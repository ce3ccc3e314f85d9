#include "data/import_dataset.h"

#include <ATen/ATen.h>

#include <optional>

#include "data/checksum.h"
#include "data/error.h"
#include "data/importer.h"
#include "data/shard_index.h"
#include "data/shard_writer.h"

namespace nextframe {
namespace {

constexpr const char* kCommand = "nextframe data import ";

std::string import_command(const ImportOptions& options) {
  return as_utf8(c10::str(kCommand, options.source.lexically_normal().string(),
                          " --validation-episodes ", options.validation_episodes, " --shard-bytes ",
                          options.shard_bytes, " --fps ", options.fps, " --filter ",
                          options.filter));
}

/// The name that the same frames, imported in the same way, get wherever they lie.
std::string uuid_of(const SourceIdentity& source, const ImportOptions& options) {
  Hasher hasher;
  hasher.add(source.content);
  hasher.add(c10::str(options.validation_episodes, " ", options.shard_bytes, " ", options.fps, " ",
                      options.filter));
  return hasher.digest();
}

/// Whether `folder` holds the import already, of the source as it is now.
bool is_imported(const DatasetFolder& folder, const SourceIdentity& source,
                 const ImportOptions& options) {
  if (!folder.is_finished()) return false;
  if (!folder.was_made_from_another(source, options.source)) return true;
  if (options.replace) return false;
  const std::string then = folder.source();
  throw DataError(options.source.string() + ": has changed since " + options.out.string() +
                  " was made from it" +
                  (then.empty() ? "" : " (then " + then + ", now " + describe(source) + ")") +
                  ". Give another folder with --out, or --replace to import it again into " +
                  options.out.string() + "; a run that has trained on that folder will not go on");
}

std::unique_ptr<RecordingSource> open_source(const std::filesystem::path& source) {
  if (!std::filesystem::exists(source)) throw DataError(source.string() + ": no such file");
  const auto& importers = ImporterRegistry::instance();
  for (const auto& name : importers.names()) {
    const Importer& importer = importers.get(name, "importer");
    if (importer.accepts(source)) return importer.open(source);
  }
  throw DataError(source.string() + ": not a known layout; known are\n" + known_layouts());
}

/// Episodes of one split into as many shards as their size asks for.
class RollingWriter {
 public:
  RollingWriter(const DatasetFolder& folder, std::string split, ShardInfo info,
                const ImportOptions& options)
      : folder_(folder), split_(std::move(split)), info_(std::move(info)), options_(options) {}

  void append(const RecordedEpisode& episode) {
    if (!writer_) {
      info_.shard_index = num_shards_;
      writer_.emplace(folder_.shard(split_, num_shards_++), info_,
                      compression_from_name(options_.filter));
    }
    writer_->append(episode);
    bytes_ += static_cast<int64_t>(episode.frames_THWC.nbytes());
    if (bytes_ >= options_.shard_bytes) finish();
  }

  void finish() {
    if (writer_) writer_->finish();
    writer_.reset();
    bytes_ = 0;
  }

 private:
  const DatasetFolder& folder_;
  std::string split_;
  ShardInfo info_;
  const ImportOptions& options_;
  std::optional<ShardWriter> writer_;
  int64_t num_shards_ = 0, bytes_ = 0;
};

void write_shards(RecordingSource& source, const SourceIdentity& identity,
                  const DatasetFolder& folder, const ImportOptions& options,
                  const Progress& progress) {
  const ShardInfo info{.dataset_uuid = uuid_of(identity, options),
                       .fps = options.fps,
                       .action_space = source.action_space(),
                       .source = options.source.filename().string(),
                       .license = "unknown",
                       .generator = import_command(options)};
  RollingWriter train(folder, "train", info, options);
  RollingWriter validation(folder, "validation", info, options);
  int64_t episodes = 0, frames = 0;
  source.read([&](const RecordedEpisode& episode) {
    (episodes++ < options.validation_episodes ? validation : train).append(episode);
    frames += episode.frames_THWC.size(0);
    if (progress) progress(frames, source.num_frames());
  });
  if (episodes <= options.validation_episodes) {
    throw DataError(c10::str(options.source.string(), ": has ", episodes, " episodes, and ",
                             options.validation_episodes,
                             " are to be held out: none is left to train on"));
  }
  train.finish();
  validation.finish();
  if (look_at_source(options.source, options.out).stat != identity.stat) {
    throw DataError(options.source.string() +
                    ": was written to while it was imported; import it again when it is complete");
  }
}

}  // namespace

std::string known_layouts() {
  std::string text;
  const auto& importers = ImporterRegistry::instance();
  for (const auto& name : importers.names()) {
    text += "  " + name + ": " + importers.get(name, "importer").summary + "\n";
  }
  return text;
}

bool import_dataset(const ImportOptions& options, const Progress& progress) {
  compression_from_name(options.filter);
  const auto source = open_source(options.source);
  const DatasetFolder folder(options.out, import_command(options),
                             options.replace ? std::optional(kCommand) : std::nullopt);
  auto identity = look_at_source(options.source, options.out);
  if (is_imported(folder, identity, options)) return false;
  identity.content = hash_of_source(options.source, options.out);
  folder.remove_shards();
  try {
    write_shards(*source, identity, folder, options, progress);
  } catch (...) {
    folder.remove_shards();  // the next start makes all of them again
    throw;
  }
  folder.finish(identity);
  return true;
}

}  // namespace nextframe
