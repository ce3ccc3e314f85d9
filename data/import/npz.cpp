// npz: one file of NumPy arrays: frames, actions, episode_ends. Frames are streamed, so the file
// may be larger than memory.
#include <ATen/ATen.h>

#include <algorithm>

#include "data/error.h"
#include "data/import/npy.h"
#include "data/importer.h"

namespace nextframe {
namespace {

class NpzSource final : public RecordingSource {
 public:
  NpzSource(const std::filesystem::path& path, const ReadOptions& options) : zip_(path) {
    read_frames_header();
    read_alignment(options);
    find_actions();
    read_episode_ends();
    check_actions();
    note_arrays();
  }

  const RecordingFacts& facts() const override { return facts_; }

  void read(const EpisodeSink& sink) override {
    ZipStream stream = zip_.open("frames.npy");
    read_npy_header(stream);
    int64_t first = 0;
    for (const int64_t num_frames : facts_.episode_frames) {
      read_episode(stream, first, num_frames, sink);
      first += num_frames;
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(zip_.path().string() + ": " + what +
                    "; needed: frames [T,H,W,C] or [T,H,W] uint8, actions [T] or [T,A] (optional), "
                    "episode_ends [T] bool");
  }

  int64_t num_frames() const { return frame_shape_.front(); }

  /// Of an episode, each at the frame that it follows; undefined without actions.
  at::Tensor actions_of(int64_t first, int64_t num_frames) const {
    if (!actions_.defined()) return {};
    return align_actions(actions_.slice(0, first, first + num_frames), num_frames,
                         facts_.alignment);
  }

  /// What leads from one frame to the next must be a number.
  void check_actions() const {
    if (!actions_.defined() || !actions_.is_floating_point()) return;
    int64_t first = 0;
    for (size_t e = 0; e < facts_.episode_frames.size(); ++e) {
      const int64_t num_frames = facts_.episode_frames[e];
      const auto used = actions_of(first, num_frames).slice(0, 0, num_frames - 1);
      if (!at::isfinite(used).all().item<bool>()) {
        fail(c10::str(actions_name_, " are not all finite in episode ", e, " (rows ", first, " to ",
                      first + num_frames - 1, ")"));
      }
      first += num_frames;
    }
  }

  void read_episode(ZipStream& stream, int64_t first, int64_t num_frames,
                    const EpisodeSink& sink) const {
    at::Tensor actions;
    if (actions_.defined()) {
      actions =
          align_actions(actions_.slice(0, first, first + num_frames), num_frames, facts_.alignment);
    }
    const int64_t frame_bytes = frame_shape_[1] * frame_shape_[2] * channels();
    const int64_t most = frames_of_a_part(frame_bytes);
    for (int64_t begin = 0; begin < num_frames; begin += most) {
      const int64_t end = std::min(begin + most, num_frames);
      RecordedEpisode part;
      part.frames_THWC =
          at::empty({end - begin, frame_shape_[1], frame_shape_[2], channels()}, at::kByte);
      stream.read(part.frames_THWC.data_ptr(), part.frames_THWC.nbytes());
      if (actions.defined()) part.actions = actions.slice(0, begin, end);
      part.is_last_part = end == num_frames;
      sink(part);
    }
  }

  int64_t channels() const { return frame_shape_.size() == 4 ? frame_shape_[3] : 1; }

  NpyHeader read_header(ZipStream& stream, const std::string& name) const {
    try {
      return read_npy_header(stream);
    } catch (const DataError& error) {
      const std::string what = error.what();
      if (what.starts_with(zip_.path().string())) throw;
      fail(name + " is " + what);
    }
  }

  void read_frames_header() {
    if (!zip_.has("frames.npy")) {
      fail("has no array 'frames' (arrays: " + c10::Join(", ", zip_.names()) + ")");
    }
    ZipStream stream = zip_.open("frames.npy");
    const NpyHeader header = read_header(stream, "frames");
    frame_shape_ = header.shape;
    const bool is_video = frame_shape_.size() == 3 || frame_shape_.size() == 4;
    if (header.type != "|u1" || !is_video || (channels() != 1 && channels() != 3) ||
        std::find(frame_shape_.begin(), frame_shape_.end(), 0) != frame_shape_.end()) {
      fail(c10::str("frames are '", header.type, "' [", c10::Join(", ", frame_shape_), "]"));
    }
    facts_.height_px = frame_shape_[1];
    facts_.width_px = frame_shape_[2];
    facts_.channels = channels();
  }

  /// As the array 'action_alignment' says, or else the user.
  void read_alignment(const ReadOptions& options) {
    facts_.alignment = options.alignment.value_or(ActionAlignment::after);
    if (!zip_.has("action_alignment.npy")) return;
    ZipStream stream = zip_.open("action_alignment.npy");
    std::string text;
    try {
      text = read_npy_text(stream);
    } catch (const DataError& error) {
      fail(std::string("action_alignment is ") + error.what());
    }
    const auto declared = action_alignment_from(text);
    if (!declared) fail("action_alignment is '" + text + "'; known are 'after' and 'before'");
    if (options.alignment && *options.alignment != *declared) {
      throw DataError(zip_.path().string() + ": its array action_alignment says '" + text +
                      "', but --action-alignment says otherwise; leave the option out, or take the "
                      "array out of the file");
    }
    facts_.alignment = *declared;
  }

  void find_actions() {
    const bool has_actions = zip_.has("actions.npy"), has_action = zip_.has("action.npy");
    if (has_actions && has_action) {
      throw DataError(zip_.path().string() +
                      ": has an array 'actions' and an array 'action'; leave one of them out");
    }
    if (!has_actions && !has_action) return;
    actions_name_ = has_actions ? "actions" : "action";
    read_actions();
    using Kind = ActionSpace::Kind;
    facts_.actions_from = "array '" + actions_name_ + "'";
    if (is_button_) {
      facts_.action_space = {Kind::multi_binary, actions_.size(1), {}};
      return;
    }
    if (!actions_.is_floating_point()) {
      facts_.action_space = {Kind::discrete, actions_.max().item<int64_t>() + 1, {}};
      return;
    }
    facts_.action_space = {Kind::continuous, actions_.size(1), {}};
    if (actions_.size(1) == 1 && at::equal(actions_, actions_.floor())) {
      facts_.notes.push_back(
          "actions are floats, and all of them whole; if they are choices, save them as integers");
    }
  }

  void note_arrays() {
    std::string others;
    for (const auto& name : zip_.names()) {
      if (name == "frames.npy" || name == "episode_ends.npy" || name == "action_alignment.npy" ||
          name == actions_name_ + ".npy") {
        continue;
      }
      others += (others.empty() ? "" : ", ") + name;
    }
    if (!others.empty()) facts_.notes.push_back("ignored arrays: " + others.substr(0, 200));
  }

  at::Tensor read_rows(const std::string& name, bool* is_boolean = nullptr) {
    ZipStream stream = zip_.open(name + ".npy");
    const NpyHeader header = read_header(stream, name);
    if (header.shape.empty() || header.shape[0] != num_frames()) {
      fail(c10::str(name, " are [", c10::Join(", ", header.shape), "] for ", num_frames(),
                    " frames"));
    }
    if (is_boolean != nullptr) *is_boolean = header.type == "|b1";
    return read_npy(stream, header);
  }

  /// Integers [T] or [T, 1] are choices, booleans [T, A] buttons, anything else [T, A] numbers.
  void read_actions() {
    bool is_boolean = false;
    const at::Tensor values = read_rows(actions_name_, &is_boolean);
    if (values.dim() > 2) fail(c10::str("actions have ", values.dim(), " dimensions"));
    if (values.numel() == 0) fail("actions have no numbers");
    is_button_ = is_boolean && values.dim() == 2 && values.size(1) > 1;
    const bool is_choice = !values.is_floating_point() && values.numel() == num_frames();
    actions_ = is_choice    ? values.flatten()
               : is_button_ ? values.ne(0).to(at::kByte)
                            : values.to(at::kFloat).reshape({num_frames(), -1});
    if (is_choice && actions_.min().item<int64_t>() < 0) {
      fail("actions hold a negative integer; choices are 0 to A-1, numbers must be float32");
    }
    if (is_choice) check_choice(actions_.max().item<int64_t>(), zip_.path().string());
  }

  void read_episode_ends() {
    if (!zip_.has("episode_ends.npy")) {
      fail("has no array 'episode_ends' (arrays: " + c10::Join(", ", zip_.names()) + ")");
    }
    const at::Tensor ends = read_rows("episode_ends").flatten().contiguous();
    if (ends.numel() != num_frames() || ends.is_floating_point()) {
      fail("episode_ends is not one boolean a frame");
    }
    int64_t first = 0;
    for (int64_t t = 0; t < num_frames(); ++t) {
      const bool is_last = t + 1 == num_frames();  // the recording may have been cut
      if (ends.const_data_ptr<int64_t>()[t] == 0 && !is_last) continue;
      facts_.episode_frames.push_back(t + 1 - first);
      first = t + 1;
    }
  }

  ZipFile zip_;
  std::vector<int64_t> frame_shape_;
  std::string actions_name_;
  at::Tensor actions_;  // int64 [T], float32 [T, A], uint8 [T, A], or undefined
  bool is_button_ = false;
  RecordingFacts facts_;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(npz,
                     {"a .npz file with frames [T,H,W,C] uint8, actions [T] or [T,A], episode_ends "
                      "[T] bool",
                      [](const std::filesystem::path& path) { return path.extension() == ".npz"; },
                      [](const std::filesystem::path& path, const nextframe::ReadOptions& options) {
                        return std::unique_ptr<nextframe::RecordingSource>(
                            std::make_unique<nextframe::NpzSource>(path, options));
                      }})
