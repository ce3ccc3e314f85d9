// Videos and pictures, decoded by ffmpeg's libraries. These are a hundred shared libraries with
// all that they need, so they are not linked into the program: a module beside it is, and is loaded
// when a video is opened for the first time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace nextframe {

/// What a look at every packet of a file says, without decoding any.
struct VideoFacts {
  int64_t height_px = 0, width_px = 0;  // upright: after the rotation that the file asks for
  std::vector<double> times_s;          // when each frame is shown; ascending, the first at 0
  double start_s = 0;                   // of the first frame, by the file's own clock
  double duration_s = 0;                // until the last frame ends
  bool is_cut = false;                  // ends before the frames that it promises
  std::string notes;                    // "HDR", "pixels are not square"; "" mostly

  double mean_fps() const;
  bool has_variable_rate() const;  // frames are shown for different times
};

/// One video, read from its start to its end. DataError does not name the file.
class VideoDecoder {
 public:
  virtual ~VideoDecoder() = default;
  /// Decodes the next frame; false at the end. Throws DataError where the file is damaged.
  virtual bool next() = 0;
  /// When the frame is shown, by the file's own clock.
  virtual double time_s() const = 0;
  /// Writes the frame as upright RGB [height_px, width_px, 3]; what is transparent onto black.
  virtual void copy_rgb(uint8_t* out) = 0;
};

/// A still: upright RGB [height_px, width_px, 3].
struct Picture {
  int64_t height_px = 0, width_px = 0;
  std::vector<uint8_t> rgb;
};

/// What the module offers.
struct VideoModule {
  std::string (*versions)();
  VideoFacts (*scan)(const std::filesystem::path& path);
  std::unique_ptr<VideoDecoder> (*open)(const std::filesystem::path& path);
  Picture (*read_picture)(const std::string& bytes);
};

/// Throws DataError, which says what to install, where this program was built without the module.
const VideoModule& video_module();

/// "libavformat 59.27.100, ..." or why there is none.
std::string describe_video_module();

/// Whether the extension is one of a video, or of a picture that the module reads.
bool has_video_extension(const std::filesystem::path& path);
bool has_picture_extension(const std::filesystem::path& path);

}  // namespace nextframe
