// npz: NumPy's arrays of frames, actions and ends of episodes: an .npz, an .npy, or a folder with
// an .npz an episode, as Dreamer, OGBench, BAIR, Moving MNIST and most scripts write them.
#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "data/error.h"
#include "data/import/array_recording.h"
#include "data/import/natural_order.h"
#include "data/importer.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostInterleavedBytes = int64_t{4} << 30;  // which are read at once

bool is_npz(const fs::path& path) { return path.extension() == ".npz"; }

std::vector<fs::path> npz_in(const fs::path& source, std::vector<std::string>* hidden = nullptr) {
  if (!fs::is_directory(source)) return {source};
  return visible_entries(source, is_npz, hidden);
}

bool accepts_arrays(const fs::path& source) {
  if (fs::is_directory(source)) return !npz_in(source).empty();
  return is_npz(source) || source.extension() == ".npy";
}

class ArraySource final : public RecordingSource {
 public:
  ArraySource(const fs::path& source, const ReadOptions& options) : options_(options) {
    std::vector<std::string> hidden;
    is_folder_ = fs::is_directory(source);
    const auto paths = npz_in(source, &hidden);
    for (const auto& path : paths) add(open_recording(path, options_, is_folder_));
    finish_alignment();
    finish_actions();
    finish_range();
    note_names(paths, hidden);
  }

  const RecordingFacts& facts() const override { return facts_; }

  void read(const EpisodeSink& sink) override {
    for (const auto& recording : recordings_) {
      recording.frames.is_interleaved() ? read_interleaved(recording, sink)
                                        : read_in_order(recording, sink);
    }
  }

 private:
  void note(const std::string& text) { facts_.notes.push_back(text); }

  void add(ArrayRecording recording) {
    recordings_.empty() ? note_first(recording) : check_is_like_the_first(recording);
    for (const int64_t length : recording.lengths) facts_.episode_frames.push_back(length);
    recordings_.push_back(std::move(recording));
  }

  void note_first(const ArrayRecording& first) {
    facts_.height_px = first.frames.height_px();
    facts_.width_px = first.frames.width_px();
    facts_.channels = first.frames.channels();
    const auto &name = first.roles.frames, &letters = first.roles.letters;
    if (name != "frames") note("frames are the array '" + name + "'");
    if (letters != "THWC" && letters != "THW") {
      note("the axes of the frames are read as " + letters +
           " (N episodes, T frames, H high, W wide, C channels)");
    }
  }

  void check_is_like_the_first(const ArrayRecording& other) const {
    const auto& first = recordings_.front();
    const auto frames_of = [](const ArrayRecording& recording) {
      const auto& frames = recording.frames;
      return std::tuple(frames.height_px(), frames.width_px(), frames.channels(),
                        recording.frame_type());
    };
    const std::string where = first.file.path().string();
    if (frames_of(other) != frames_of(first) || other.roles.frames != first.roles.frames ||
        other.roles.actions != first.roles.actions) {
      fail_with_arrays(other.file,
                       "does not go with " + where + " (arrays: " + first.file.list() +
                           "): needed: the same arrays, with frames of one size and type");
    }
    if (!first.actions.defined()) return;
    if (other.actions.scalar_type() != first.actions.scalar_type() ||
        other.actions.sizes().slice(1) != first.actions.sizes().slice(1)) {
      fail_with_arrays(other.file,
                       "its actions are of another kind or width than those of " + where);
    }
  }

  /// As the array 'action_alignment' says, or else the user, or else the way of the writer.
  void finish_alignment() {
    const auto& first = recordings_.front().file;
    const bool is_before = is_dreamers(first) && !recordings_.front().roles.actions.empty();
    facts_.alignment =
        options_.alignment.value_or(is_before ? ActionAlignment::before : ActionAlignment::after);
    bool is_declared = false;
    for (const auto& recording : recordings_) {
      const auto declared = declared_alignment(recording.file, options_);
      if (declared && is_declared && *declared != facts_.alignment) {
        fail_with_arrays(recording.file,
                         "its action_alignment is another than that of the files before");
      }
      if (declared) facts_.alignment = *declared;
      is_declared = is_declared || declared.has_value();
    }
    if (is_before && !is_declared && !options_.alignment) {
      note(
          "an array 'is_first' is there, as Dreamer writes it: so the action in a row is taken for "
          "the one that led to its frame; --action-alignment after if it is not");
    }
  }

  /// Of an episode, each at the frame that it follows; undefined without actions.
  at::Tensor actions_of(const ArrayRecording& recording, size_t episode, int64_t first_row) const {
    if (!recording.actions.defined()) return {};
    const auto aligned = recording.aligned_actions(episode, first_row, facts_.alignment);
    return are_one_hot_ ? aligned.argmax(1) : aligned;
  }

  /// Calls use(recording, episode, the rows that lead from one frame to the next) for each episode.
  template <class Use>
  void each_used_rows(const Use& use) const {
    for (const auto& recording : recordings_) {
      int64_t row = 0;
      for (size_t e = 0; e < recording.lengths.size(); ++e) {
        use(recording, e, actions_of(recording, e, row).slice(0, 0, recording.lengths[e] - 1));
        row += recording.rows_of(e);
      }
    }
  }

  void finish_actions() {
    const auto& first = recordings_.front();
    if (!first.actions.defined()) return;
    facts_.actions_from = "array '" + first.roles.actions + "'";
    using Kind = ActionSpace::Kind;
    if (first.actions.dim() == 1) {
      int64_t largest = 0;
      for (const auto& recording : recordings_) {
        largest = std::max(largest, recording.actions.max().item<int64_t>());
      }
      facts_.action_space = {Kind::discrete, largest + 1, {}};
    } else if (!first.actions.is_floating_point()) {
      facts_.action_space = {Kind::multi_binary, first.actions.size(1), {}};
    } else {
      finish_numbers(first.actions.size(1));
    }
  }

  void finish_numbers(int64_t width) {
    bool is_one_hot = width > 1, is_whole = true;
    int64_t num_rows = 0;
    each_used_rows([&](const ArrayRecording& recording, size_t episode, const at::Tensor& rows_RA) {
      if (!at::isfinite(rows_RA).all().item<bool>()) {
        fail_with_arrays(recording.file, c10::str("the array '", recording.roles.actions,
                                                  "' is not finite in episode ", episode));
      }
      num_rows += rows_RA.size(0);
      const auto ones = rows_RA.eq(1);
      is_one_hot = is_one_hot && ones.sum(1).eq(1).all().item<bool>() &&
                   ones.logical_or(rows_RA.eq(0)).all().item<bool>();
      is_whole = is_whole && at::equal(rows_RA, rows_RA.floor());
    });
    if (is_one_hot && num_rows > 0) {
      are_one_hot_ = true;
      facts_.action_space = {ActionSpace::Kind::discrete, width, {}};
      return note("every row of the actions is one-hot: they are a choice");
    }
    facts_.action_space = {ActionSpace::Kind::continuous, width, {}};
    if (!is_whole) return;
    note(width == 1
             ? "actions are floats, and all of them whole; if they are choices, save them as "
               "integers"
             : "actions are numbers, and all of them whole; if they are buttons, save them as "
               "booleans");
  }

  /// Of frames that are no bytes: looks at all of them for their smallest and largest value.
  void finish_range() {
    const auto& first = recordings_.front();
    const auto& asked = options_.frames_range;
    const auto type = first.frame_type();
    if (type == "uint8" && asked.empty()) return;
    if (type == "uint8" || type == "bool") {
      if (asked.empty()) return note("frames are booleans: true is white");
      fail_with_arrays(first.file,
                       "its frames are " + type + ", which --frames-range does not change");
    }
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const auto& recording : recordings_) look_at_values(recording, low, high);
    try {
      const bool is_whole = type.find("float") == std::string::npos;
      range_ = asked.empty() ? guessed_range(low, high, is_whole, type) : value_range_from(asked);
    } catch (const DataError& error) {
      throw DataError(first.file.path().string() + ": " + error.what());
    }
    note(c10::str("frames are ", type, ", of ", low, " to ", high, ": ", range_.low,
                  " is stored as 0 (black) and ", range_.high, " as 255"));
  }

  void note_names(const std::vector<fs::path>& paths, const std::vector<std::string>& hidden) {
    const auto pair = first_renumbered(paths);
    if (pair)
      note("files are in the order of their numbers: " + pair->first + " before " + pair->second);
    if (!hidden.empty()) note("hidden files are skipped: " + hidden.front());
    if (is_folder_) note("every .npz of the folder is an episode, or several where it says so");
    const auto& ignored = recordings_.front().roles.ignored;
    if (!ignored.empty()) {
      note("ignored arrays: " + c10::str(c10::Join(", ", ignored)).substr(0, 200));
    }
  }

  /// Hands over frames `first` and on of an episode.
  void hand_over(const ArrayRecording& recording, const at::Tensor& stored,
                 const at::Tensor& actions, int64_t first, bool is_last,
                 const EpisodeSink& sink) const {
    RecordedEpisode part;
    part.frames_THWC = recording.frames.as_bytes(stored, range_);
    if (actions.defined()) part.actions = actions.slice(0, first, first + stored.size(0));
    part.is_last_part = is_last;
    sink(part);
  }

  void read_in_order(const ArrayRecording& recording, const EpisodeSink& sink) const {
    ZipStream stream = recording.file.open(recording.roles.frames);
    const int64_t most = frames_of_a_part(recording.frames.frame_bytes());
    int64_t row = 0;
    for (size_t e = 0; e < recording.lengths.size(); ++e) {
      const auto actions = actions_of(recording, e, row);
      if (actions.defined()) row += recording.rows_of(e);
      const int64_t length = recording.lengths[e];
      for (int64_t first = 0; first < length; first += most) {
        const int64_t count = std::min(most, length - first);
        hand_over(recording, recording.frames.read(stream, count), actions, first,
                  first + count == length, sink);
      }
    }
  }

  /// Frame t of all episodes, then t+1: only the whole array has an episode.
  void read_interleaved(const ArrayRecording& recording, const EpisodeSink& sink) const {
    const auto& frames = recording.frames;
    if (recording.num_frames() > kMostInterleavedBytes / frames.frame_bytes()) {
      fail_with_arrays(
          recording.file,
          "is read at once, because its episodes are interleaved, and is too large for that; save "
          "np.ascontiguousarray(frames.swapaxes(0, 1))");
    }
    ZipStream stream = recording.file.open(recording.roles.frames);
    const auto stored = frames.read(stream, recording.num_frames());
    int64_t row = 0;
    for (int64_t e = 0; e < frames.num_episodes(); ++e) {
      const auto episode = static_cast<size_t>(e);
      const auto actions = actions_of(recording, episode, row);
      if (actions.defined()) row += recording.rows_of(episode);
      hand_over(recording, stored.slice(0, e, recording.num_frames(), frames.num_episodes()),
                actions, 0, true, sink);
    }
  }

  ReadOptions options_;
  bool is_folder_ = false, are_one_hot_ = false;
  std::vector<ArrayRecording> recordings_;
  ValueRange range_;
  RecordingFacts facts_;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(
    npz,
    {"NumPy's arrays: an .npz with frames [T,H,W,C], actions [T] or [T,A] and episode_ends [T], "
     "an .npy with episodes [N,T,H,W,C], or a folder with an .npz an episode (as Dreamer)",
     nextframe::accepts_arrays,
     [](const std::filesystem::path& path, const nextframe::ReadOptions& options) {
       return std::unique_ptr<nextframe::RecordingSource>(
           std::make_unique<nextframe::ArraySource>(path, options));
     }})
