// image_folder: one sub-folder an episode, PNG, JPEG or WebP frames in the order of their numbers,
// perhaps an actions.csv in each.
#include <ATen/ATen.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "data/error.h"
#include "data/import/action_table.h"
#include "data/import/episode_parts.h"
#include "data/import/natural_order.h"
#include "data/import/png_image.h"
#include "data/importer.h"
#include "data/input_file.h"
#include "data/video/video_decoder.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNamed = 3;  // files in one note

bool is_png(const fs::path& path) { return lower_extension(path) == ".png"; }
bool is_frame(const fs::path& path) { return is_png(path) || has_picture_extension(path); }

/// JPEG, WebP or BMP, by ffmpeg's libraries.
at::Tensor read_other_picture(const fs::path& path) {
  require_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_file_error("read", path);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  try {
    const Picture picture = video_module().read_picture(bytes);
    return at::tensor(picture.rgb, at::kByte).view({picture.height_px, picture.width_px, 3});
  } catch (const DataError& error) {
    throw DataError(path.string() + ": " + error.what());
  }
}

PngHeader look_at_picture(const fs::path& path) {
  if (is_png(path)) return read_png_header(path);
  const at::Tensor picture_HWC = read_other_picture(path);
  return {.height_px = picture_HWC.size(0), .width_px = picture_HWC.size(1)};
}

/// Folders with frames below `folder`, or itself if there are none; linked folders are followed,
/// each once.
std::vector<fs::path> episodes_in(const fs::path& folder, std::set<fs::path>& seen,
                                  std::vector<std::string>* hidden) {
  std::vector<fs::path> episodes;
  if (!seen.insert(fs::canonical(folder)).second) return episodes;
  const auto is_folder = [](const fs::path& path) {
    return !is_frame(path) && fs::is_directory(path);
  };
  for (const auto& path : visible_entries(folder, is_folder, hidden)) {
    for (auto& inner : episodes_in(path, seen, hidden)) episodes.push_back(std::move(inner));
  }
  if (episodes.empty() && !visible_entries(folder, is_frame).empty()) episodes = {folder};
  return episodes;
}

std::vector<fs::path> episodes_in(const fs::path& folder,
                                  std::vector<std::string>* hidden = nullptr) {
  std::set<fs::path> seen;
  return episodes_in(folder, seen, hidden);
}

/// "a", "b", "c" and 4 more
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    text += (i > 0 ? ", " : "") + names[i];
  }
  if (names.size() > kMostNamed) text += c10::str(" and ", names.size() - kMostNamed, " more");
  return text;
}

struct ImageEpisode {
  std::vector<fs::path> frames;
  ActionTable actions;
};

class ImageFolderSource final : public RecordingSource {
 public:
  ImageFolderSource(const fs::path& folder, const ReadOptions& options) : folder_(folder) {
    facts_.alignment = options.alignment.value_or(ActionAlignment::after);
    std::vector<std::string> hidden;
    const auto folders = episodes_in(folder, &hidden);
    note_order(folders, "episodes");
    has_actions_ = !table_in(folders.front()).empty();
    for (const auto& episode : folders) add(episode);
    if (has_actions_) facts_.action_space = tables_.space();
    note_files(hidden);
  }

  const RecordingFacts& facts() const override { return facts_; }

  void read(const EpisodeSink& sink) override {
    for (const auto& episode : episodes_) {
      EpisodeParts parts(sink, has_actions_ ? actions_of(episode) : at::Tensor());
      for (const auto& path : episode.frames) {
        const at::Tensor frame_HWC = read_frame(path);
        if (frame_HWC.size(0) != facts_.height_px || frame_HWC.size(1) != facts_.width_px) {
          refuse_size(path, frame_HWC.sizes());
        }
        parts.add(frame_HWC);
      }
      parts.finish();
    }
  }

 private:
  [[noreturn]] void refuse_size(const fs::path& path, at::IntArrayRef size) const {
    throw DataError(c10::str(path.string(), ": is ", size, ", but ",
                             episodes_.front().frames.front().string(), " is [", facts_.height_px,
                             ", ", facts_.width_px, ", ", facts_.channels,
                             "] [H, W, C]; scale or convert the frames first"));
  }

  /// In a recording of colours a grey frame is a coloured one.
  at::Tensor read_frame(const fs::path& path) const {
    const at::Tensor frame_HWC = is_png(path) ? read_png(path) : read_other_picture(path);
    if (frame_HWC.size(2) == facts_.channels) return frame_HWC;
    if (frame_HWC.size(2) == 1) return frame_HWC.expand({-1, -1, 3}).contiguous();
    throw DataError(path.string() +
                    ": is coloured, but the first frame of every episode is grey; "
                    "convert the frames to one kind first");
  }

  void note(const std::string& text) { facts_.notes.push_back(text); }

  void note_once(bool& done, bool here, const std::string& text) {
    if (here && !done) note(text);
    done = done || here;
  }

  void note_order(const std::vector<fs::path>& paths, const std::string& what) {
    const auto pair = first_renumbered(paths);
    note_once(has_noted_order_, pair.has_value(),
              !pair ? ""
                    : what + " are in the order of their numbers: " + pair->first + " before " +
                          pair->second);
  }

  void add(const fs::path& folder) {
    ImageEpisode episode{visible_entries(folder, is_frame), {}};
    note_order(episode.frames, "frames");
    note_picture(episode.frames.front());
    const auto num_frames = static_cast<int64_t>(episode.frames.size());
    const auto table = table_in(folder);
    if (table.empty() == has_actions_) {
      throw DataError(
          (folder / "actions.csv").string() +
          (has_actions_ ? ": is missing" : ": has no counterpart in the first episode") +
          "; either every episode has an actions.csv, or none");
    }
    if (has_actions_) episode.actions = read_actions(table, num_frames);
    facts_.episode_frames.push_back(num_frames);
    episodes_.push_back(std::move(episode));
  }

  /// By the first frame of each episode: size, colours, and what PNG files may hold besides.
  void note_picture(const fs::path& path) {
    const PngHeader header = look_at_picture(path);
    const bool is_first = episodes_.empty();
    if (is_first) {
      facts_.height_px = header.height_px;
      facts_.width_px = header.width_px;
      facts_.channels = header.channels;
    } else if (header.height_px != facts_.height_px || header.width_px != facts_.width_px) {
      refuse_size(path, {header.height_px, header.width_px, header.channels});
    }
    note_once(is_mixed_, header.channels != facts_.channels,
              "grey and coloured frames are mixed (" + path.string() + "): all are stored as RGB");
    facts_.channels = std::max(facts_.channels, header.channels);
    note_once(has_alpha_, header.has_alpha,
              "frames have an alpha channel (" + path.string() +
                  "): what is transparent is blended onto black");
    note_once(has_16_bits_, header.bits == 16, "frames of 16 bits are stored with 8: value / 257");
    note_once(has_gamma_, header.has_gamma,
              "frames declare a gamma (gAMA): their values are stored as they are");
  }

  /// The file of an episode's actions; an empty path where there is none.
  fs::path table_in(const fs::path& folder) const {
    const auto tables = visible_entries(folder, [](const fs::path& path) {
      std::string name = path.filename().string();
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      return name == "actions.csv" || name == "action.csv";
    });
    if (tables.size() < 2) return tables.empty() ? fs::path() : tables.front();
    const auto exact = folder / "actions.csv";
    if (std::find(tables.begin(), tables.end(), exact) != tables.end()) return exact;
    throw DataError(tables[0].string() + ": stands beside " + tables[1].filename().string() +
                    "; name the one that holds the actions actions.csv");
  }

  ActionTable read_actions(const fs::path& path, int64_t num_frames) {
    auto table = read_action_table(path, num_frames);
    if (table.num_rows == 0 || (table.num_rows != num_frames && table.num_rows + 1 != num_frames)) {
      throw DataError(c10::str(path.string(), ": has ", table.num_rows, " rows for ", num_frames,
                               " frames; needed: one a frame (the ",
                               facts_.alignment == ActionAlignment::after ? "last" : "first",
                               " may be left out)"));
    }
    tables_.add(path, table);
    if (facts_.actions_from.empty()) {
      facts_.actions_from = path.filename().string();
      for (const auto& text : table.notes) note(path.string() + ": " + text);
    }
    return table;
  }

  /// A row a frame.
  at::Tensor actions_of(const ImageEpisode& episode) const {
    return align_actions(tables_.rows(episode.actions), static_cast<int64_t>(episode.frames.size()),
                         facts_.alignment);
  }

  /// What lies beside frames and actions, and is not read.
  void note_files(const std::vector<std::string>& hidden) {
    if (!hidden.empty()) note("hidden files and folders are skipped: " + listed(hidden));
    std::vector<std::string> others;
    std::set<fs::path> folders{folder_};
    for (const auto& episode : episodes_) folders.insert(episode.frames.front().parent_path());
    for (const auto& folder : folders) {
      const bool is_episode =
          folder != folder_ || episodes_.front().frames.front().parent_path() == folder_;
      const auto table = is_episode ? table_in(folder) : fs::path();
      for (const auto& path : visible_entries(folder, [&](const fs::path& file) {
             std::error_code unknown;
             const bool is_read = is_episode && (is_frame(file) || file == table);
             return !is_read && fs::is_regular_file(file, unknown);
           })) {
        others.push_back(path.lexically_relative(folder_).string());
      }
    }
    if (others.empty()) return;
    note("ignored: " + listed(others) +
         (has_actions_ ? ""
                       : " (if that holds actions: they are read from an actions.csv beside each "
                         "episode's frames)"));
  }

  fs::path folder_;
  RecordingFacts facts_;
  std::vector<ImageEpisode> episodes_;
  ActionTables tables_;
  bool has_actions_ = false;
  bool has_noted_order_ = false, is_mixed_ = false, has_alpha_ = false, has_16_bits_ = false,
       has_gamma_ = false;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(
    image_folder, {"a folder with one sub-folder an episode (or one episode's frames), PNG, JPEG "
                   "or WebP frames in "
                   "the order of their numbers, perhaps an actions.csv with a row a frame in each",
                   [](const std::filesystem::path& path) {
                     return std::filesystem::is_directory(path) &&
                            !nextframe::episodes_in(path).empty();
                   },
                   [](const std::filesystem::path& path, const nextframe::ReadOptions& options) {
                     return std::unique_ptr<nextframe::RecordingSource>(
                         std::make_unique<nextframe::ImageFolderSource>(path, options));
                   }})
