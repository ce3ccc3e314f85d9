// hdf5_videos: HDF5 files whose rows are videos, as PhyWorld writes them: every row of
// `video_streams` is the bytes of an mp4, and one episode without actions.
#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/byte_lists.h"
#include "data/error.h"
#include "data/import/episode_parts.h"
#include "data/import/natural_order.h"
#include "data/importer.h"
#include "data/video/video_decoder.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStreams = "video_streams";

/// A file in memory, which the decoder opens by its path.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& bytes)
      : descriptor_(::memfd_create("video", MFD_CLOEXEC)) {
    if (descriptor_ < 0) throw_file_error("make", "a file in memory");
    for (size_t written = 0; written < bytes.size();) {
      const auto count = ::write(descriptor_, bytes.data() + written, bytes.size() - written);
      if (count <= 0) {
        ::close(descriptor_);
        throw_file_error("write", "a file in memory");
      }
      written += static_cast<size_t>(count);
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  fs::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

bool holds_streams(const fs::path& source) {
  const auto extension = lower_extension(source);
  if (fs::is_directory(source) || (extension != ".h5" && extension != ".hdf5")) return false;
  try {
    return h5_has(open_h5(source), kStreams);
  } catch (const DataError&) {
    return false;  // whoever opens it as shards says what is wrong
  }
}

ByteLists open_streams(const fs::path& source, const H5File& file) {
  try {
    return {file, kStreams};
  } catch (const DataError& error) {
    throw DataError(source.string() + ": " + error.what());
  }
}

class Hdf5Videos final : public RecordingSource {
 public:
  Hdf5Videos(const fs::path& source, const ReadOptions& options)
      : source_(source), file_(open_h5(source)), streams_(open_streams(source, file_)) {
    if (!options.layout.empty() && options.layout != "phyworld") {
      throw DataError(source.string() + ": is of the layout phyworld, not " + options.layout);
    }
    for (int64_t row = 0; row < streams_.size(); ++row) look_at(row);
    if (facts_.episode_frames.empty()) {
      throw DataError(source.string() + ": its '" + kStreams + "' has no rows");
    }
    facts_.notes.push_back(std::string("read as phyworld: each row of '") + kStreams +
                           "' is a video, and one episode");
  }

  const RecordingFacts& facts() const override { return facts_; }

  void read(const EpisodeSink& sink) override {
    for (int64_t row = 0; row < streams_.size(); ++row) {
      of_video(row, [&](const fs::path& video) { decode(row, video, sink); });
    }
  }

 private:
  /// Calls `use` with a path of the row's video; what it throws names file and row.
  template <class Use>
  void of_video(int64_t row, const Use& use) const {
    const auto where = c10::str(source_.string(), ": video ", row, " of '", kStreams, "': ");
    try {
      use(MemoryFile(streams_.read(row)).path());
    } catch (const DamagedRows& damage) {
      throw DataError(where + damage.what());
    } catch (const DataError& error) {
      throw DataError(where + error.what());
    }
  }

  void look_at(int64_t row) {
    of_video(row, [&](const fs::path& video) {
      const auto found = video_module().scan(video);
      if (found.times_s.empty()) throw DataError("has no frame");
      if (row == 0) {
        facts_.height_px = found.height_px;
        facts_.width_px = found.width_px;
        facts_.fps = found.mean_fps();
      }
      if (found.height_px != facts_.height_px || found.width_px != facts_.width_px) {
        throw DataError(c10::str("is ", found.height_px, " high and ", found.width_px,
                                 " wide, and the first one ", facts_.height_px, " and ",
                                 facts_.width_px));
      }
      facts_.episode_frames.push_back(static_cast<int64_t>(found.times_s.size()));
    });
  }

  void decode(int64_t row, const fs::path& video, const EpisodeSink& sink) const {
    EpisodeParts parts(sink, {});
    const auto decoder = video_module().open(video);
    const int64_t promised = facts_.episode_frames[static_cast<size_t>(row)];
    while (parts.num_frames() < promised && decoder->next()) {
      const at::Tensor frame_HWC = at::empty({facts_.height_px, facts_.width_px, 3}, at::kByte);
      decoder->copy_rgb(frame_HWC.data_ptr<uint8_t>());
      parts.add(frame_HWC);
    }
    if (parts.num_frames() != promised) {
      throw DataError(c10::str("has ", parts.num_frames(), " of the ", promised,
                               " frames that it promises; it is damaged"));
    }
    parts.finish();
  }

  fs::path source_;
  H5File file_;
  ByteLists streams_;
  RecordingFacts facts_;
};

}  // namespace
}  // namespace nextframe

NF_REGISTER_IMPORTER(
    hdf5_videos, {"an HDF5 file whose rows are videos, PhyWorld's video_streams; one an episode",
                  nextframe::holds_streams,
                  [](const std::filesystem::path& source, const nextframe::ReadOptions& options) {
                    return std::unique_ptr<nextframe::RecordingSource>(
                        std::make_unique<nextframe::Hdf5Videos>(source, options));
                  }})
