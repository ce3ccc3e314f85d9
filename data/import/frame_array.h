// An array of frames in any order of axes and any type of numbers, read as uint8 [T, H, W, C].
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "data/import/npy.h"

namespace nextframe {

/// The values of black and white.
struct ValueRange {
  double low = 0, high = 255;
};

/// A letter an axis: N episodes, T frames, H, W, C. As `asked` ("" for by itself), or by where an
/// axis has 1 or 3 places; [T, H, W] is grey. "" and a reason in `problem` where that does not
/// tell.
std::string frame_letters(const NpyHeader& header, const std::string& asked, bool is_npy,
                          std::string& problem);

/// "0,1" as a range. Throws DataError.
ValueRange value_range_from(const std::string& text);

/// What black and white must be, by the smallest and largest value of all frames. Throws DataError
/// with the flag that settles it where they do not tell, as those of frames of one value.
ValueRange guessed_range(double low, double high, bool is_whole, const std::string& type);

class FrameArray {
 public:
  FrameArray(NpyHeader header, std::string letters);

  int64_t num_episodes() const { return size_of('N', 1); }
  int64_t num_frames() const { return size_of('T', 1); }  // of an episode
  int64_t height_px() const { return size_of('H', 1); }
  int64_t width_px() const { return size_of('W', 1); }
  int64_t channels() const { return size_of('C', 1); }
  bool has_episodes() const { return letters_.find('N') != std::string::npos; }
  bool is_interleaved() const { return letters_.starts_with("TN"); }  // frame t of all, then t+1
  bool has_bytes() const { return header_.type == "|u1"; }
  const std::string& letters() const { return letters_; }
  int64_t frame_bytes() const;  // as stored

  /// The next `count` frames of the stream, as they are stored: [count, ...].
  at::Tensor read(ZipStream& stream, int64_t count) const;
  /// The same frames as uint8 [count, H, W, C].
  at::Tensor as_bytes(const at::Tensor& stored, const ValueRange& range) const;

 private:
  int64_t size_of(char letter, int64_t absent) const;

  NpyHeader header_;
  std::string letters_;
};

}  // namespace nextframe
