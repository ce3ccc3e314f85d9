// video: one video an episode, perhaps with its actions in a CSV file of the same name beside it.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "data/error.h"
#include "data/import/action_table.h"
#include "data/import/episode_parts.h"
#include "data/import/natural_order.h"
#include "data/import/video_clock.h"
#include "data/importer.h"
#include "data/input_file.h"
#include "data/video/video_decoder.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLeastVideoFrames = 2;  // one leads to nothing
constexpr double kMostRepeats = 1000;     // of a frame

/// Videos below a folder, in natural order; linked folders are followed, each once.
void collect_videos(const fs::path& folder, std::set<fs::path>& seen, std::vector<fs::path>& videos,
                    std::vector<std::string>& hidden) {
  if (!seen.insert(fs::canonical(folder)).second) return;
  for (const auto& path : visible_entries(
           folder, [](const fs::path&) { return true; }, &hidden)) {
    std::error_code unknown;  // a link that leads nowhere is no folder
    if (fs::is_directory(path, unknown)) {
      collect_videos(path, seen, videos, hidden);
    } else if (has_video_extension(path)) {
      videos.push_back(path);
    }
  }
}

std::vector<fs::path> videos_in(const fs::path& source, std::vector<std::string>& hidden) {
  if (!fs::is_directory(source)) return {source};
  std::vector<fs::path> videos;
  std::set<fs::path> seen;
  collect_videos(source, seen, videos, hidden);
  return videos;
}

bool holds_videos(const fs::path& source) {
  std::vector<std::string> hidden;
  if (fs::is_directory(source)) return !videos_in(source, hidden).empty();
  return has_video_extension(source);
}

fs::path table_beside(const fs::path& video) {
  for (const auto* extension : {".csv", ".CSV"}) {
    auto table = video;
    table.replace_extension(extension);
    if (fs::exists(table)) return table;
  }
  return {};
}

struct VideoClip {
  fs::path path;
  VideoFacts facts;
  std::vector<int64_t> shown;  // the number of the video's frame that each stored one shows
  ActionTable actions;
};

class VideoSource final : public RecordingSource {
 public:
  VideoSource(const fs::path& source, const ReadOptions& options) : fps_(options.fps) {
    require_module(source);
    facts_.alignment = options.alignment.value_or(ActionAlignment::after);
    std::vector<std::string> hidden;
    const auto videos = videos_in(source, hidden);
    has_actions_ = std::any_of(videos.begin(), videos.end(),
                               [](const auto& path) { return !table_beside(path).empty(); });
    for (const auto& path : videos) look_at(path);
    if (clips_.empty()) refuse(source);
    finish_size();
    finish_rate();
    if (has_actions_) facts_.action_space = tables_.space();
    if (!hidden.empty()) {
      facts_.notes.push_back(c10::str("hidden files and folders are skipped: ", hidden.front(),
                                      hidden.size() > 1 ? " ..." : ""));
    }
  }

  const RecordingFacts& facts() const override { return facts_; }

  void read(const EpisodeSink& sink) override {
    for (const auto& clip : clips_) read_clip(clip, sink);
  }

  std::vector<std::string> problems() const override { return problems_; }

 private:
  static void require_module(const fs::path& source) {
    try {
      video_module();
    } catch (const DataError& error) {
      throw DataError(source.string() + ": " + error.what());
    }
  }

  [[noreturn]] void refuse(const fs::path& source) const {
    if (problems_.size() == 1) throw DataError(problems_.front());
    std::string text = source.string() + ": none of its videos can be imported";
    for (const auto& problem : problems_) text += "\n  " + problem;
    throw DataError(text);
  }

  /// Notes what is wrong with a file, which is then skipped.
  void look_at(const fs::path& path) {
    try {
      require_regular_file(path);
      VideoClip clip{path, video_module().scan(path), {}, {}};
      require_plausible(clip.facts);
      clip.shown = frames_shown(clip.facts.times_s, clip.facts.duration_s, fps_);
      if (static_cast<int64_t>(clip.shown.size()) < kLeastVideoFrames) {
        throw DataError("holds a single frame");
      }
      if (has_actions_) read_actions(clip);
      clips_.push_back(std::move(clip));
    } catch (const DataError& error) {
      const std::string what = error.what();
      problems_.push_back(what.starts_with(path.string()) ? what : path.string() + ": " + what);
      facts_.problems = problems_;
    }
  }

  /// Damaged time stamps could ask for more repeated frames than there is memory.
  void require_plausible(const VideoFacts& facts) const {
    const auto frames = static_cast<double>(facts.times_s.size());
    if (facts.duration_s * fps_ <= kMostRepeats * frames) return;
    throw DataError(
        c10::str("lasts ", facts.duration_s, " s by its time stamps, with ", frames,
                 " frames; they seem to be damaged (without --fps they do not matter)"));
  }

  void read_actions(VideoClip& clip) {
    const auto path = table_beside(clip.path);
    if (path.empty()) {
      throw DataError("has no actions, but other videos have: " + clip.path.stem().string() +
                      ".csv is missing beside it");
    }
    const auto frames = static_cast<int64_t>(clip.facts.times_s.size());
    clip.actions = read_action_table(path, std::numeric_limits<int64_t>::max());
    auto& table = clip.actions;
    if (table.num_rows == 0) throw DataError(path.string() + ": holds no row");
    if (!table.times_s.empty()) {
      if (table.times_s.front() > clip.facts.duration_s || table.times_s.back() < 0) {
        throw DataError(c10::str(path.string(), ": its times are ", table.times_s.front(), " to ",
                                 table.times_s.back(), " s, but the video goes from 0 to ",
                                 clip.facts.duration_s, " s; count seconds from its first frame"));
      }
    } else if (clip.facts.is_cut && table.num_rows > frames) {
      table.rows.resize(static_cast<size_t>(frames));
    } else if (table.num_rows != frames && table.num_rows + 1 != frames) {
      throw DataError(c10::str(path.string(), ": has ", table.num_rows, " rows for ", frames,
                               " frames of the video; needed: one a frame, or a column "
                               "'time' in seconds"));
    }
    tables_.add(path, table);
    if (facts_.actions_from.empty()) note_table(path, table);
  }

  void note_table(const fs::path& path, const ActionTable& table) {
    facts_.actions_from =
        path.filename().string() + (table.times_s.empty() ? ", a row a frame" : ", by time");
    for (const auto& text : table.notes) facts_.notes.push_back(path.string() + ": " + text);
    if (fps_ > 0 && table.times_s.empty()) {
      facts_.notes.push_back(
          "a row of actions belongs to a frame of the video: of the rows between two stored "
          "frames, the first one's is kept");
    }
  }

  void finish_size() {
    const auto& first = clips_.front();
    facts_.height_px = first.facts.height_px;
    facts_.width_px = first.facts.width_px;
    for (const auto& clip : clips_) {
      facts_.episode_frames.push_back(static_cast<int64_t>(clip.shown.size()));
      if (!clip.facts.notes.empty()) {
        facts_.notes.push_back(clip.path.filename().string() + ": " + clip.facts.notes);
      }
      if (clip.facts.height_px == first.facts.height_px &&
          clip.facts.width_px == first.facts.width_px) {
        continue;
      }
      facts_.height_px = facts_.width_px = 0;
      facts_.size_problem = c10::str(clip.path.string(), " is ", clip.facts.height_px, " high and ",
                                     clip.facts.width_px, " wide, ", first.path.string(), " ",
                                     first.facts.height_px, " and ", first.facts.width_px);
    }
  }

  void finish_rate() {
    double slowest = clips_.front().facts.mean_fps(), fastest = slowest;
    for (const auto& clip : clips_) {
      slowest = std::min(slowest, clip.facts.mean_fps());
      fastest = std::max(fastest, clip.facts.mean_fps());
      if (clip.facts.is_cut) {
        facts_.notes.push_back(clip.path.filename().string() +
                               " is cut off: what is there is taken");
      }
      if (fps_ == 0 && clip.facts.has_variable_rate()) {
        facts_.notes.push_back(clip.path.filename().string() +
                               " has a variable frame rate; --fps N takes N frames a second");
      }
    }
    const auto rate = [](double fps) { return c10::str(std::round(fps * 100) / 100); };
    facts_.fps = fps_ > 0 ? fps_ : clips_.front().facts.mean_fps();
    if (fps_ == 0 && fastest > slowest * 1.02) {
      facts_.notes.push_back("frame rates differ, from " + rate(slowest) + " to " + rate(fastest) +
                             " frames a second; --fps N makes them equal");
    }
    if (fps_ > slowest * 1.02) {
      facts_.notes.push_back("some videos have only " + rate(slowest) +
                             " frames a second: their frames are repeated");
    }
  }

  at::Tensor actions_of(const VideoClip& clip) const {
    if (!has_actions_) return {};
    const at::Tensor rows = tables_.rows(clip.actions);
    const auto& times_s = clip.facts.times_s;
    if (clip.actions.times_s.empty()) {
      return align_actions(rows, static_cast<int64_t>(times_s.size()), facts_.alignment)
          .index_select(0, at::tensor(clip.shown, at::kLong));
    }
    std::vector<double> moments_s;
    for (size_t k = 0; k < clip.shown.size(); ++k) {
      moments_s.push_back(fps_ > 0 ? static_cast<double>(k) / fps_
                                   : times_s[static_cast<size_t>(clip.shown[k])]);
    }
    return align_actions(rows_in_force(rows, clip.actions.times_s, moments_s),
                         static_cast<int64_t>(moments_s.size()), facts_.alignment);
  }

  /// A video that turns out to be damaged ends where its frames end.
  void read_clip(const VideoClip& clip, const EpisodeSink& sink) {
    EpisodeParts parts(sink, actions_of(clip));
    try {
      decode(clip, parts);
    } catch (const DataError& error) {
      problems_.push_back(clip.path.string() + ": " + error.what());
    }
    if (parts.num_frames() < kLeastVideoFrames) {
      parts.abandon({0, clip.facts.height_px, clip.facts.width_px, 3});
    } else {
      parts.finish();
    }
    if (parts.num_frames() == static_cast<int64_t>(clip.shown.size())) return;
    const auto kept =
        parts.num_frames() < kLeastVideoFrames
            ? std::string("nothing of it is kept")
            : c10::str(parts.num_frames(), " of ", clip.shown.size(), " frames are kept");
    if (problems_.empty() || !problems_.back().starts_with(clip.path.string())) {
      problems_.push_back(clip.path.string() + ": ends early");
    }
    problems_.back() += "; " + kept;
  }

  static void decode(const VideoClip& clip, EpisodeParts& parts) {
    const auto decoder = video_module().open(clip.path);
    size_t k = 0;
    at::Tensor frame_HWC;
    while (k < clip.shown.size() && decoder->next()) {
      const int64_t number = frame_at(clip.facts.times_s, decoder->time_s() - clip.facts.start_s);
      // Frames that the decoder has left out are shown by the one before.
      for (; k < clip.shown.size() && clip.shown[k] < number && frame_HWC.defined(); ++k) {
        parts.add(frame_HWC);
      }
      if (k == clip.shown.size() || clip.shown[k] > number) continue;
      frame_HWC = at::empty({clip.facts.height_px, clip.facts.width_px, 3}, at::kByte);
      decoder->copy_rgb(frame_HWC.data_ptr<uint8_t>());
      for (; k < clip.shown.size() && clip.shown[k] <= number; ++k) parts.add(frame_HWC);
    }
  }

  double fps_;
  RecordingFacts facts_;
  std::vector<VideoClip> clips_;
  ActionTables tables_;
  std::vector<std::string> problems_;
  bool has_actions_ = false;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(
    video,
    {"a video (mp4, mov, webm, avi, mkv, gif), or a folder of them, one an episode; perhaps a "
     "NAME.csv with actions beside each",
     nextframe::holds_videos,
     [](const std::filesystem::path& path, const nextframe::ReadOptions& options) {
       return std::unique_ptr<nextframe::RecordingSource>(
           std::make_unique<nextframe::VideoSource>(path, options));
     }})
