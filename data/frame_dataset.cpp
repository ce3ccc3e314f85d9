#include "data/frame_dataset.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstring>

#include "data/checksum.h"
#include "data/video/video_decoder.h"

namespace nextframe {
namespace {

constexpr int64_t kMaxSide = 32768, kLeastGreySide = 8;
constexpr int64_t kManyFrames = 16, kManyBytes = int64_t{1} << 20;  // of a chunk
constexpr int64_t kMostPictureBytes = int64_t{1} << 30;

bool is_colour(int64_t channels) { return channels == 1 || channels == 3; }

bool is_byte(const ElementType& type) {
  return type.kind == ElementType::Kind::integer && type.bytes == 1 && !type.is_signed;
}

/// [T, C, H, W]. Where both ends could be channels, they are last.
bool has_channels_first(const std::vector<int64_t>& shape) {
  return shape.size() == 4 && !is_colour(shape[3]) && is_colour(shape[1]);
}

/// How a recording that is not as we need it becomes so, in numpy.
std::string frames_advice(const ElementType& type, const std::vector<int64_t>& shape) {
  if (type.kind == ElementType::Kind::integer && type.bytes == 1 && type.is_signed) {
    return "; if its bytes are pixels of 0 to 255, write them as pixels.view(np.uint8)";
  }
  if (type.kind == ElementType::Kind::floating) {
    return "; scale them to 0 to 255 and write pixels.round().astype(np.uint8)";
  }
  if (type.kind == ElementType::Kind::integer && type.bytes > 1) {
    return "; scale them to 0 to 255 and write pixels.astype(np.uint8)";
  }
  if (type.is_boolean()) return "; write pixels.astype(np.uint8) * 255";
  if (shape.size() == 4 && shape[3] == 4) return "; leave the alpha out: write pixels[..., :3]";
  return "";
}

}  // namespace

bool looks_like_frames(const H5Entry& entry) {
  const auto& shape = entry.shape;
  if (entry.has_byte_lists || !is_byte(entry.type)) return false;
  if (shape.size() == 4) return is_colour(shape[3]) || is_colour(shape[1]);
  return shape.size() == 3 && shape[1] >= kLeastGreySide && shape[2] >= kLeastGreySide;
}

bool is_encoded_frames(const H5File& file, const std::string& path, const H5Entry& entry) {
  if (entry.has_byte_lists) return entry.shape.size() == 1;
  if (!is_byte(entry.type) || entry.shape.size() != 2 || entry.shape[0] < 1) return false;
  const StoredRows rows(file, path);
  if (rows.row_bytes() < 2 || rows.row_bytes() > kMostPictureBytes) return false;
  std::vector<uint8_t> first(static_cast<size_t>(rows.row_bytes()));
  try {
    rows.read(0, 1, 1, first.data());
  } catch (const DamagedRows&) {
    return false;
  }
  return first[0] == 0xff && first[1] == 0xd8;
}

FrameDataset::FrameDataset(const H5File& file, const std::string& name, const FrameForm& form,
                           bool is_one_frame)
    : name_(name), form_(form), is_one_frame_(is_one_frame) {
  if (!is_encoded()) {
    rows_.emplace(file, name);
    find_axes();
    return;
  }
  const auto entry = look_at_dataset(file, name);
  if (!is_encoded_frames(file, name, entry)) {
    throw DataError("column '" + name + "' holds no JPEG pictures but is " + entry.type.name +
                    " [" + c10::Join(", ", entry.shape) + "], unlike the other episodes'");
  }
  entry.has_byte_lists ? static_cast<void>(lists_.emplace(file, name))
                       : static_cast<void>(rows_.emplace(file, name));
  num_frames_ = stored().num_rows();
  find_picture_size();
}

void FrameDataset::find_axes() {
  auto shape = rows_->shape();
  if (is_one_frame_) shape.insert(shape.begin(), 1);
  const bool is_grey = shape.size() == 3;
  is_channels_first_ = has_channels_first(shape);
  const bool has_channels = shape.size() == 4 && (is_colour(shape[3]) || is_channels_first_);
  if (!is_byte(rows_->type()) || (!is_grey && !has_channels)) {
    throw DataError(
        c10::str("column '", name_, "' is ", is_byte(rows_->type()) ? "" : "not uint8 but ",
                 rows_->type().name, " [", c10::Join(", ", rows_->shape()),
                 is_one_frame_ ? "]; needed: a frame, uint8 [H, W, C] with C 1 or 3"
                               : "]; needed: uint8 [T, H, W, C] with C 1 or 3, or [T, H, W]",
                 frames_advice(rows_->type(), shape)));
  }
  num_frames_ = shape[0];
  height_px_ = shape[is_channels_first_ ? 2 : 1];
  width_px_ = shape[is_channels_first_ ? 3 : 2];
  channels_ = is_grey ? 1 : shape[is_channels_first_ ? 1 : 3];
  is_channels_first_ = is_channels_first_ && channels_ > 1;  // else the bytes are the same
  if (height_px_ < 1 || width_px_ < 1 || height_px_ > kMaxSide || width_px_ > kMaxSide) {
    throw DataError(c10::str("column '", name_, "' has frames of ", height_px_, "x", width_px_,
                             "; needed: 1 to ", kMaxSide, " pixels a side"));
  }
  is_plain_ = !is_one_frame_ && !is_channels_first_ && form_ == FrameForm{};
}

/// All pictures must have the first one's size, which is seen when they are read.
void FrameDataset::find_picture_size() {
  channels_ = 3;
  if (num_frames_ == 0) return;
  try {
    const auto picture = video_module().read_picture(picture_bytes(0));
    height_px_ = picture.height_px;
    width_px_ = picture.width_px;
  } catch (const DamagedRows& damage) {
    throw DataError("column '" + name_ + "', row 0: " + damage.what());
  } catch (const DataError& error) {
    throw DataError("column '" + name_ + "', row 0, a JPEG picture: " + error.what());
  }
}

int64_t FrameDataset::bytes_of_pieces() const {
  if (lists_) return num_frames_ * frame_bytes();  // at most, mostly
  return stored().bytes_of_pieces();
}

void FrameDataset::add_stored(Hasher& hasher, int64_t max_pieces) const {
  if (!is_plain_) {
    hasher.add(c10::str("form ", form_.is_upside_down, form_.is_bgr, form_.is_encoded,
                        is_channels_first_, " ", num_frames_));
  }
  if (!lists_) return stored().add_stored(hasher, max_pieces);
  const int64_t count = std::min(num_frames_, max_pieces);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = i * (num_frames_ / count) + i * (num_frames_ % count) / count;
    try {
      hasher.add(lists_->read(row));
    } catch (const DamagedRows&) {
      hasher.add(std::string("damaged"));
    }
  }
}

std::string FrameDataset::layout() const {
  std::string text = stored().layout();
  if (is_encoded()) text += ", a JPEG picture a frame";
  if (is_channels_first_) text += ", channels first";
  if (form_.is_bgr) text += ", BGR";
  if (form_.is_upside_down) text += ", upside down";
  return text;
}

std::string FrameDataset::slow_reason() const {
  if (is_one_frame_) return "each frame is a dataset of its own";
  const auto& rows = stored();
  if (!rows.is_chunked() || lists_) return "";
  if (rows.chunk_rows() == 0) return "its chunks hold pieces of many frames";
  const bool is_large = rows.chunk_rows() * rows.row_bytes() > kManyBytes;
  if (rows.chunk_rows() <= kManyFrames || !is_large) return "";
  return c10::str("each of its chunks holds ", rows.chunk_rows(), " frames");
}

std::string FrameDataset::picture_bytes(int64_t row) const {
  if (lists_) return lists_->read(row);
  std::string bytes(static_cast<size_t>(rows_->row_bytes()), '\0');
  rows_->read(row, 1, 1, reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes;
}

void FrameDataset::read_picture(int64_t row, uint8_t* out) const {
  Picture picture;
  try {
    picture = video_module().read_picture(picture_bytes(row));
  } catch (const DataError& error) {
    throw DamagedRows(std::string("a JPEG picture that ") + error.what(), row, row + 1);
  }
  if (picture.height_px != height_px_ || picture.width_px != width_px_) {
    throw DamagedRows(c10::str("a picture of ", picture.height_px, "x", picture.width_px,
                               ", and the first one is ", height_px_, "x", width_px_),
                      row, row + 1);
  }
  std::memcpy(out, picture.rgb.data(), picture.rgb.size());
}

void FrameDataset::to_upright_rgb(uint8_t* frame) const {
  const int64_t pixels = height_px_ * width_px_, row_bytes = width_px_ * channels_;
  if (is_channels_first_) {
    const std::vector<uint8_t> planes(frame, frame + frame_bytes());
    for (int64_t p = 0; p < pixels; ++p) {
      for (int64_t c = 0; c < channels_; ++c) {
        frame[p * channels_ + c] = planes[static_cast<size_t>(c * pixels + p)];
      }
    }
  }
  if (form_.is_upside_down) {
    for (int64_t low = 0, high = height_px_ - 1; low < high; ++low, --high) {
      std::swap_ranges(frame + low * row_bytes, frame + (low + 1) * row_bytes,
                       frame + high * row_bytes);
    }
  }
  if (form_.is_bgr && channels_ == 3) {
    for (int64_t p = 0; p < pixels; ++p) std::swap(frame[3 * p], frame[3 * p + 2]);
  }
}

void FrameDataset::read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  if (is_plain_) return rows_->read(first, count, stride, out);
  if (is_encoded()) {
    for (int64_t i = 0; i < count; ++i) {
      read_picture(first + i * stride, out + i * frame_bytes());
    }
  } else if (is_one_frame_) {
    try {
      rows_->read(0, rows_->num_rows(), 1, out);
    } catch (const DamagedRows& damage) {
      throw DamagedRows(damage.what(), 0, 1);
    }
  } else {
    rows_->read(first, count, stride, out);
  }
  for (int64_t i = 0; i < count; ++i) to_upright_rgb(out + i * frame_bytes());
}

}  // namespace nextframe
