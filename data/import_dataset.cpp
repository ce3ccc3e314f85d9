#include "data/import_dataset.h"

#include <ATen/ATen.h>

#include <optional>

#include "data/error.h"
#include "data/importer.h"
#include "data/shard_writer.h"

namespace nextframe {
namespace {

std::string import_command(const ImportOptions& options) {
  return c10::str("nextframe data import ", options.source.lexically_normal().string(),
                  " --validation-episodes ", options.validation_episodes, " --shard-bytes ",
                  options.shard_bytes, " --fps ", options.fps, " --filter ", options.filter);
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
  const DatasetFolder folder(options.out, import_command(options));
  if (folder.is_finished()) return false;
  folder.remove_shards();
  const ShardInfo info{.dataset_uuid = folder.uuid(),
                       .fps = options.fps,
                       .action_space = source->action_space(),
                       .source = options.source.filename().string(),
                       .license = "unknown",
                       .generator = import_command(options)};
  RollingWriter train(folder, "train", info, options);
  RollingWriter validation(folder, "validation", info, options);
  int64_t episodes = 0, frames = 0;
  source->read([&](const RecordedEpisode& episode) {
    (episodes++ < options.validation_episodes ? validation : train).append(episode);
    frames += episode.frames_THWC.size(0);
    if (progress) progress(frames, source->num_frames());
  });
  if (episodes <= options.validation_episodes) {
    throw DataError(c10::str(options.source.string(), ": has ", episodes, " episodes, and ",
                             options.validation_episodes,
                             " are to be held out: none is left to train on"));
  }
  train.finish();
  validation.finish();
  folder.finish();
  return true;
}

}  // namespace nextframe
