// png_folder: one sub-folder an episode, PNG frames in the order of their names, perhaps an
// actions.csv in each.
#include <ATen/ATen.h>

#include <algorithm>

#include "data/error.h"
#include "data/import/action_table.h"
#include "data/import/png_image.h"
#include "data/importer.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries(const fs::path& folder,
                              const std::function<bool(const fs::path&)>& keep) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (keep(entry.path())) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<fs::path> frames_in(const fs::path& folder) {
  return entries(folder, [](const fs::path& path) { return path.extension() == ".png"; });
}

std::vector<fs::path> episodes_in(const fs::path& folder) {
  return entries(folder, [](const fs::path& path) {
    return fs::is_directory(path) && !frames_in(path).empty();
  });
}

struct Recording {
  std::vector<fs::path> frames;
  ActionTable actions;
};

class PngFolderSource final : public RecordingSource {
 public:
  explicit PngFolderSource(const fs::path& folder) {
    const auto folders = episodes_in(folder);
    has_actions_ = fs::exists(folders.front() / "actions.csv");
    for (const auto& episode : folders) add(episode);
  }

  ActionSpace action_space() const override {
    if (!has_actions_) return {};
    const auto kind = is_discrete_ ? ActionSpace::Kind::discrete : ActionSpace::Kind::continuous;
    return {kind, is_discrete_ ? num_choices_ : width_, {}};
  }

  int64_t num_frames() const override { return num_frames_; }

  void read(const EpisodeSink& sink) override {
    for (const auto& recording : recordings_) {
      std::vector<at::Tensor> frames;
      for (const auto& path : recording.frames) {
        frames.push_back(read_png(path));
        if (frames.back().sizes() == frames.front().sizes()) continue;
        throw DataError(c10::str(path.string(), ": is ", frames.back().sizes(), ", but ",
                                 recording.frames.front().string(), " is ", frames.front().sizes(),
                                 " [H, W, C]; scale or convert the frames first"));
      }
      sink({at::stack(frames), has_actions_ ? actions_of(recording) : at::Tensor(), {}});
    }
  }

 private:
  void add(const fs::path& episode) {
    Recording recording{frames_in(episode), {}};
    const auto num_frames = recording.frames.size();
    const auto table = episode / "actions.csv";
    if (fs::exists(table) != has_actions_) {
      throw DataError(
          table.string() +
          (has_actions_ ? ": is missing" : ": has no counterpart in the first episode") +
          "; either every episode has an actions.csv, or none");
    }
    if (has_actions_) {
      recording.actions = read_action_table(table, static_cast<int64_t>(num_frames));
      const auto rows = static_cast<uint64_t>(recording.actions.num_rows);
      if (rows == 0 || (rows != num_frames && rows + 1 != num_frames)) {
        throw DataError(c10::str(table.string(), ": has ", rows, " rows for ", num_frames,
                                 " frames; needed: one a frame (the last may be left out)"));
      }
      note_actions(recording.actions, table);
    }
    num_frames_ += static_cast<int64_t>(num_frames);
    recordings_.push_back(std::move(recording));
  }

  void note_actions(const ActionTable& table, const fs::path& path) {
    is_discrete_ = is_discrete_ && table.is_discrete;
    for (const auto& row : table.rows) {
      if (width_ == 0) width_ = static_cast<int64_t>(row.size());
      if (width_ != static_cast<int64_t>(row.size())) {
        throw DataError(c10::str(path.string(), ": has ", row.size(), " numbers a row, the first ",
                                 "episode ", width_));
      }
      if (!is_discrete_) continue;
      num_choices_ = std::max(num_choices_, static_cast<int64_t>(row.front()) + 1);
    }
  }

  /// int64 [T] or float32 [T, A]; a missing last action is 0, for nothing follows it.
  at::Tensor actions_of(const Recording& recording) const {
    const auto frames = static_cast<int64_t>(recording.frames.size());
    const at::Tensor actions_TA = at::zeros({frames, width_});
    float* out = actions_TA.data_ptr<float>();
    for (const auto& row : recording.actions.rows) out = std::copy(row.begin(), row.end(), out);
    return is_discrete_ ? actions_TA.flatten().to(at::kLong) : actions_TA;
  }

  std::vector<Recording> recordings_;
  bool has_actions_ = false, is_discrete_ = true;
  int64_t width_ = 0, num_choices_ = 0, num_frames_ = 0;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(
    png_folder,
    {"a folder with one sub-folder an episode, PNG frames in name order, perhaps an actions.csv "
     "with a row a frame",
     [](const std::filesystem::path& path) {
       return std::filesystem::is_directory(path) && !nextframe::episodes_in(path).empty();
     },
     [](const std::filesystem::path& path) {
       return std::unique_ptr<nextframe::RecordingSource>(
           std::make_unique<nextframe::PngFolderSource>(path));
     }})
