#include "data/frame_column.h"

#include <c10/util/StringUtil.h>

namespace nextframe {
namespace {

constexpr int64_t kMaxSide = 32768;

StoredRows open_pixels(const H5File& file) {
  if (!h5_has(file, "pixels")) {
    std::string columns;
    size_t listed = 0;
    for (const auto& name : h5_names(file)) {
      if (++listed <= 20) columns += " " + name;
    }
    if (listed > 20) columns += c10::str(" and ", listed - 20, " more");
    throw DataError("has no column 'pixels' (columns:" + columns +
                    "); needed: pixels uint8 [T, H, W, C], ep_len [E], ep_offset [E]");
  }
  return {file, "pixels"};
}

/// How a recording that is not as we need it becomes so, in numpy.
std::string pixels_advice(const StoredRows& rows) {
  const auto& type = rows.type();
  const auto& shape = rows.shape();
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
  if (shape.size() == 4 && (shape[1] == 1 || shape[1] == 3)) {
    return "; channels come last: write pixels.transpose(0, 2, 3, 1)";
  }
  if (shape.size() == 4 && shape[3] == 4) return "; leave the alpha out: write pixels[..., :3]";
  return "";
}

}  // namespace

FrameColumn::FrameColumn(const H5File& file) : rows_(open_pixels(file)) {
  const auto& shape = rows_.shape();
  const auto& type = rows_.type();
  const bool is_byte =
      type.kind == ElementType::Kind::integer && type.bytes == 1 && !type.is_signed;
  const bool has_channels = shape.size() == 4 && (shape[3] == 1 || shape[3] == 3);
  if (!is_byte || (shape.size() != 3 && !has_channels)) {
    throw DataError(c10::str("column 'pixels' is ", is_byte ? "" : "not uint8 but ", type.name,
                             " [", c10::Join(", ", shape),
                             "]; needed: uint8 [T, H, W, C] with C 1 or 3, or [T, H, W]",
                             pixels_advice(rows_)));
  }
  height_px_ = shape[1];
  width_px_ = shape[2];
  channels_ = has_channels ? shape[3] : 1;
  if (height_px_ < 1 || width_px_ < 1 || height_px_ > kMaxSide || width_px_ > kMaxSide) {
    throw DataError(c10::str("column 'pixels' has frames of ", height_px_, "x", width_px_,
                             "; needed: 1 to ", kMaxSide, " pixels a side"));
  }
}

int64_t FrameColumn::num_chunks() const {
  const int64_t rows = chunk_frames();
  return rows == 0 ? 0 : num_frames() / rows + (num_frames() % rows != 0 ? 1 : 0);
}

}  // namespace nextframe
