#include "data/import_dataset.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "data/checksum.h"
#include "data/error.h"
#include "data/importer.h"
#include "data/layouts/layout.h"
#include "data/shard_index.h"
#include "data/shard_writer.h"

namespace nextframe {
namespace {

constexpr const char* kHdf5 = "hdf5";  // the importer of all layouts in data/layouts/
constexpr const char* kCommand = "nextframe data import ";

/// What decides the frames and actions that are stored, as the command line says it.
std::string import_flags(const ImportOptions& options) {
  std::string flags = c10::str(" --validation-episodes ", options.validation_episodes);
  if (options.hold_out > 0) flags = c10::str(" --hold-out ", options.hold_out * 100, "%");
  if (options.hold_out > 0 || options.validation_episodes > 0) {
    flags += c10::str(" --seed ", options.seed);
  }
  flags += c10::str(" --shard-bytes ", options.shard_bytes, " --fps ", options.fps, " --filter ",
                    options.filter);
  if (options.size.height_px > 0) {
    const auto& size = options.size;
    flags += c10::str(" --size ", size.height_px, "x", size.width_px, " --fit ", name_of(size.fit));
  }
  if (!options.layout.empty()) flags += " --layout " + options.layout;
  if (options.read.alignment) {
    flags += *options.read.alignment == ActionAlignment::after ? " --action-alignment after"
                                                               : " --action-alignment before";
  }
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) flags += " --" + name + " " + value;
  };
  add("frames-key", options.read.frames_key);
  add("actions-key", options.read.actions_key);
  add("split", options.read.split);
  add("frames-layout", options.read.frames_layout);
  add("frames-range", options.read.frames_range);
  return flags;
}

std::string import_command(const ImportOptions& options) {
  return as_utf8(kCommand + options.source.lexically_normal().string() + import_flags(options));
}

/// The name that the same frames, imported in the same way, get wherever they lie.
std::string uuid_of(const SourceIdentity& source, const ImportOptions& options) {
  Hasher hasher;
  hasher.add(source.content);
  hasher.add(import_flags(options));
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

struct OpenedSource {
  std::string layout;
  std::unique_ptr<RecordingSource> source;
};

bool is_hdf5_layout(const std::string& name) {
  return LayoutRegistry::instance().find(name) != nullptr;
}

/// Throws std::invalid_argument for flags that say nothing of such a source.
void require_fitting_options(const ImportOptions& options, const std::string& importer) {
  const auto& read = options.read;
  const auto refuse = [&](const std::string& flags) {
    throw std::invalid_argument(flags + "; " + options.source.string() + " is of the layout " +
                                importer);
  };
  const bool has_arrays = importer == "npz";
  if (read.is_of_arrays() && !has_arrays) {
    refuse("--frames-layout and --frames-range are about the arrays of .npz and .npy files");
  }
  if (read.has_keys() && !has_arrays && importer != kHdf5) {
    refuse("--frames-key and --actions-key are about the arrays of .npz, .npy and HDF5 files");
  }
  if (!read.split.empty() && importer != kHdf5) refuse("--split is about HDF5 files");
}

OpenedSource open_source(const ImportOptions& options) {
  const auto& source = options.source;
  if (!std::filesystem::exists(source)) throw DataError(source.string() + ": no such file");
  const auto& importers = ImporterRegistry::instance();
  std::vector<std::string> fitting;
  for (const auto& name : importers.names()) {
    const bool is_asked_for = options.layout.empty() || options.layout == name ||
                              (name.starts_with(kHdf5) && is_hdf5_layout(options.layout));
    if (is_asked_for && importers.get(name, "importer").accepts(source)) fitting.push_back(name);
  }
  if (fitting.empty()) {
    throw DataError(
        source.string() + ": not " +
        (options.layout.empty() ? "a known layout" : "of the layout " + options.layout) +
        "; known are\n" + known_layouts());
  }
  if (fitting.size() > 1) {
    throw DataError(c10::str(source.string(), ": can be read as ", c10::Join(" and as ", fitting),
                             "; choose one of them with --layout, or give a folder that holds "
                             "files of one kind"));
  }
  require_fitting_options(options, fitting.front());
  ReadOptions read = options.read;
  read.fps = static_cast<double>(options.fps);
  if (is_hdf5_layout(options.layout)) read.layout = options.layout;
  return {fitting.front(), importers.get(fitting.front(), "importer").open(source, read)};
}

ImportPlan plan_import(const OpenedSource& opened, const ImportOptions& options) {
  ImportPlan plan{options.source.string(), opened.layout, opened.source->facts(), options.size, {}};
  const auto episodes = static_cast<int64_t>(plan.facts.episode_frames.size());
  auto& size = plan.size;
  if (size.height_px == 0 && !plan.facts.size_problem.empty()) {
    throw DataError(plan.facts.size_problem +
                    "; give the size of the stored frames with --size "
                    "HEIGHTxWIDTH, for example --size 64x64");
  }
  if (size.height_px == 0) {
    size.height_px = plan.facts.height_px;
    size.width_px = plan.facts.width_px;
  }
  int64_t count = options.validation_episodes;
  if (options.hold_out > 0) {
    const double share = options.hold_out * static_cast<double>(episodes);
    count = std::max<int64_t>(std::llround(share), 1);
  }
  if (episodes <= count) {
    throw DataError(c10::str(options.source.string(), ": has ", episodes,
                             episodes == 1 ? " episode, and " : " episodes, and ", count,
                             count == 1 ? " is" : " are",
                             " to be held out: none is left to train on"));
  }
  plan.held_out = draw_held_out(episodes, count, options.seed);
  return plan;
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
    if (bytes_ >= options_.shard_bytes && episode.is_last_part) finish();
  }

  bool is_empty() const { return num_shards_ == 0; }

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

void write_shards(RecordingSource& source, const ImportPlan& plan, const SourceIdentity& identity,
                  const DatasetFolder& folder, const ImportOptions& options,
                  const Progress& progress) {
  const auto& facts = plan.facts;
  const ShardInfo info{.dataset_uuid = uuid_of(identity, options),
                       .fps = options.fps > 0 ? options.fps : std::llround(facts.fps),
                       .action_space = facts.action_space,
                       .source = options.source.filename().string(),
                       .license = "unknown",
                       .generator = import_command(options)};
  RollingWriter train(folder, "train", info, options);
  RollingWriter validation(folder, "validation", info, options);
  const auto total =
      std::accumulate(facts.episode_frames.begin(), facts.episode_frames.end(), int64_t{0});
  int64_t number = 0, frames = 0;
  source.read([&](const RecordedEpisode& part) {
    const bool is_held_out = std::binary_search(plan.held_out.begin(), plan.held_out.end(), number);
    if (part.frames_THWC.size(0) > 0) {
      auto fitted = part;
      fitted.frames_THWC = fit_frames(part.frames_THWC, plan.size);
      (is_held_out ? validation : train).append(fitted);
    }
    number += part.is_last_part ? 1 : 0;
    frames += part.frames_THWC.size(0);
    if (progress) progress(frames, total);
  });
  if (train.is_empty()) {
    std::string text = options.source.string() + ": nothing of it could be read to train on";
    for (const auto& problem : source.problems()) text += "\n  " + problem;
    throw DataError(text);
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
  const auto& layouts = LayoutRegistry::instance();
  for (const auto& name : layouts.names()) {
    text += "  " + name + ": HDF5, " + layouts.get(name, "layout").summary + "\n";
  }
  return text;
}

bool import_dataset(const ImportOptions& options, const Progress& progress, const TellPlan& tell,
                    const TellProblems& tell_problems) {
  compression_from_name(options.filter);
  const auto opened = open_source(options);
  if (options.dry_run) {
    const ImportPlan plan = plan_import(opened, options);
    if (tell) tell(plan);
    return false;
  }
  const DatasetFolder folder(options.out, import_command(options),
                             options.replace ? std::optional(kCommand) : std::nullopt);
  auto identity = look_at_source(options.source, options.out);
  if (is_imported(folder, identity, options)) return false;
  const ImportPlan plan = plan_import(opened, options);
  if (tell) tell(plan);
  identity.content = hash_of_source(options.source, options.out);
  folder.remove_shards();
  try {
    write_shards(*opened.source, plan, identity, folder, options, progress);
    folder.finish(identity);
  } catch (...) {
    folder.remove_shards();  // the next start makes all of them again
    throw;
  }
  const auto problems = opened.source->problems();
  if (tell_problems && !problems.empty()) tell_problems(problems);
  return true;
}

}  // namespace nextframe
