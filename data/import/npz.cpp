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
  explicit NpzSource(const std::filesystem::path& path) : zip_(path) {
    read_frames_header();
    if (zip_.has("actions.npy")) read_actions();
    read_episode_ends();
  }

  ActionSpace action_space() const override {
    using Kind = ActionSpace::Kind;
    if (!actions_.defined()) return {};
    if (actions_.is_floating_point()) return {Kind::continuous, actions_.size(1), {}};
    return {Kind::discrete, actions_.max().item<int64_t>() + 1, {}};
  }

  int64_t num_frames() const override { return frame_shape_.front(); }

  void read(const EpisodeSink& sink) override {
    ZipStream stream = zip_.open("frames.npy");
    read_npy_header(stream);
    int64_t first = 0;
    for (const int64_t last : episode_ends_) {
      RecordedEpisode episode;
      episode.frames_THWC =
          at::empty({last - first, frame_shape_[1], frame_shape_[2], channels()}, at::kByte);
      stream.read(episode.frames_THWC.data_ptr(), episode.frames_THWC.nbytes());
      if (actions_.defined()) episode.actions = actions_.slice(0, first, last);
      sink(episode);
      first = last;
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(zip_.path().string() + ": " + what +
                    "; needed: frames [T,H,W,C] or [T,H,W] uint8, actions [T] or [T,A] (optional), "
                    "episode_ends [T] bool");
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
  }

  at::Tensor read_rows(const std::string& name) {
    ZipStream stream = zip_.open(name + ".npy");
    const NpyHeader header = read_header(stream, name);
    if (header.shape.empty() || header.shape[0] != num_frames()) {
      fail(c10::str(name, " are [", c10::Join(", ", header.shape), "] for ", num_frames(),
                    " frames"));
    }
    return read_npy(stream, header);
  }

  /// Integers [T] or [T, 1] are choices, anything else [T, A] numbers.
  void read_actions() {
    const at::Tensor values = read_rows("actions");
    if (values.dim() > 2) fail(c10::str("actions have ", values.dim(), " dimensions"));
    if (values.numel() == 0) fail("actions have no numbers");
    const bool is_choice = !values.is_floating_point() && values.numel() == num_frames();
    actions_ = is_choice ? values.flatten() : values.to(at::kFloat).reshape({num_frames(), -1});
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
    for (int64_t t = 0; t < num_frames(); ++t) {
      const bool is_last = t + 1 == num_frames();  // the recording may have been cut
      if (ends.const_data_ptr<int64_t>()[t] != 0 || is_last) episode_ends_.push_back(t + 1);
    }
  }

  ZipFile zip_;
  std::vector<int64_t> frame_shape_;
  at::Tensor actions_;                 // int64 [T], float32 [T, A], or undefined
  std::vector<int64_t> episode_ends_;  // the frame after each episode's last
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(npz,
                     {"a .npz file with frames [T,H,W,C] uint8, actions [T] or [T,A], episode_ends "
                      "[T] bool",
                      [](const std::filesystem::path& path) { return path.extension() == ".npz"; },
                      [](const std::filesystem::path& path) {
                        return std::unique_ptr<nextframe::RecordingSource>(
                            std::make_unique<nextframe::NpzSource>(path));
                      }})
