// hdf5: files of any layout in data/layouts/, read as training reads them and written as shards in
// which single frames are fast to read.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "data/error.h"
#include "data/h5_group.h"
#include "data/import/natural_order.h"
#include "data/importer.h"
#include "data/shard_set.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

bool is_hdf5_name(const fs::path& path) {
  const auto extension = lower_extension(path);
  return extension == ".h5" || extension == ".hdf5" || extension == ".hdf" || extension == ".he5";
}

/// The file itself, Minari's file in its folder, or all files of a folder in natural order.
std::vector<fs::path> hdf5_files(const fs::path& source, std::vector<std::string>* hidden) {
  if (!fs::is_directory(source)) return {source};
  for (const auto* inside : {"main_data.hdf5", "data/main_data.hdf5"}) {
    if (fs::exists(source / inside)) return {source / inside};
  }
  return visible_entries(source, is_hdf5_name, hidden);
}

/// They are of another importer (data/import/hdf5_videos.cpp).
bool holds_videos_of_phyworld(const fs::path& source) {
  try {
    return h5_has(open_h5(source), "video_streams");
  } catch (const DataError&) {
    return false;  // opening it as a shard says what is wrong
  }
}

bool accepts_hdf5(const fs::path& source) {
  if (!fs::is_directory(source)) return is_hdf5_name(source) && !holds_videos_of_phyworld(source);
  return !hdf5_files(source, nullptr).empty();
}

class Hdf5Source final : public RecordingSource {
 public:
  Hdf5Source(const fs::path& source, const ReadOptions& options) {
    std::vector<std::string> hidden;
    for (const auto& path : hdf5_files(source, &hidden)) {
      shards_.emplace_back(path, std::nullopt, read_as(options));
      require_alike(shards_.front(), shards_.back());
    }
    fill_facts();
    if (!hidden.empty()) facts_.notes.push_back("hidden files are skipped: " + hidden.front());
  }

  const RecordingFacts& facts() const override { return facts_; }

  void read(const EpisodeSink& sink) override {
    for (const auto& shard : shards_) {
      for (size_t e = 0; e < shard.episode_frames().size(); ++e) read_episode(shard, e, sink);
    }
  }

 private:
  static ReadAs read_as(const ReadOptions& options) {
    ReadAs as;
    if (!options.layout.empty()) as.layout = options.layout;
    as.frames = options.frames_key;
    as.actions = options.actions_key;
    as.split = options.split;
    if (options.alignment) {
      as.alignment = *options.alignment == ActionAlignment::after ? "after" : "before";
    }
    return as;
  }

  void fill_facts() {
    const auto& first = shards_.front();
    for (const auto& shard : shards_) {
      for (const int64_t frames : shard.episode_frames()) {
        if (frames > 0) facts_.episode_frames.push_back(frames);
      }
    }
    const auto [height_px, width_px, channels] = first.frame_shape();
    facts_.height_px = height_px;
    facts_.width_px = width_px;
    facts_.channels = channels;
    facts_.fps = read_number_attribute(open_h5(first.path()), "fps").value_or(0);
    if (!(facts_.fps > 0 && facts_.fps < 1e6)) facts_.fps = 0;
    facts_.action_space = first.action_space();
    facts_.action_space.width = common_action_width(shards_, -1);
    facts_.alignment = first.stored_alignment();
    facts_.actions_from = first.table().actions.name;
    const auto layout = first.describe_layout();
    facts_.notes.push_back("read as " + (layout.empty() ? first.table().layout : layout));
    if (shards_.size() > 1) facts_.notes.push_back(c10::str(shards_.size(), " files"));
  }

  void read_episode(const ShardReader& shard, size_t episode, const EpisodeSink& sink) const {
    const auto [H, W, C] = shard.frame_shape();
    const int64_t begin = shard.episode_offsets()[episode];
    const int64_t frames = shard.episode_frames()[episode];
    const int64_t most = frames_of_a_part(H * W * C);
    for (int64_t first = 0; first < frames; first += most) {
      const int64_t count = std::min(most, frames - first);
      RecordedEpisode part{at::empty({count, H, W, C}, at::kByte), {}, {}, first + count == frames};
      shard.read_frames(begin + first, count, 1, part.frames_THWC.data_ptr<uint8_t>());
      part.actions = actions_of(shard, begin + first, count);
      sink(part);
    }
  }

  at::Tensor actions_of(const ShardReader& shard, int64_t first, int64_t count) const {
    if (facts_.action_space.kind == ActionSpace::Kind::none) return {};
    const at::Tensor actions = shard.actions().slice(0, first, first + count);
    const bool is_button = facts_.action_space.kind == ActionSpace::Kind::multi_binary;
    return is_button ? actions.to(at::kByte) : actions;
  }

  std::vector<ShardReader> shards_;
  RecordingFacts facts_;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(hdf5,
                     {"HDF5 files of the layouts below, or a folder of them: repacked, so that "
                      "single frames are fast to read",
                      nextframe::accepts_hdf5,
                      [](const std::filesystem::path& source,
                         const nextframe::ReadOptions& options) {
                        return std::make_unique<nextframe::Hdf5Source>(source, options);
                      }})
