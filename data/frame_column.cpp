#include "data/frame_column.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace nextframe {
namespace {

/// Memory of a reader thread, kept because chunks come by the thousand.
struct Scratch {
  std::vector<uint8_t> stored, raw;
};

Scratch& scratch() {
  thread_local Scratch memory;
  return memory;
}

H5Dataset open_pixels(const H5File& file) {
  if (!h5_has(file, "pixels")) {
    std::string columns;
    for (const auto& name : h5_names(file)) columns += " " + name;
    throw DataError("has no column 'pixels' (columns:" + columns +
                    "); needed: pixels uint8 [T, H, W, C], ep_len [E], ep_offset [E]");
  }
  const H5Lock lock;
  return H5Dataset(H5Dopen2(file.get(), "pixels", H5P_DEFAULT), "open the column 'pixels'");
}

std::vector<int> filter_ids(const H5PropertyList& creation) {
  std::vector<int> ids;
  const int count = H5Pget_nfilters(creation.get());
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, config = 0;
    size_t num_values = 0;
    ids.push_back(H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags, &num_values,
                                 nullptr, 0, nullptr, &config));
  }
  return ids;
}

std::string filter_name(int id) {
  if (id == H5Z_FILTER_DEFLATE) return "gzip";
  if (id == H5Z_FILTER_SHUFFLE) return "shuffle";
  if (id == H5Z_FILTER_FLETCHER32) return "fletcher32";
  if (id == 32000) return "lzf";
  if (id == 32015) return "zstd";
  return c10::str("filter ", id);
}

}  // namespace

FrameColumn::FrameColumn(const H5File& file) : dataset_(open_pixels(file)) {
  const H5Lock lock;
  const auto shape = h5_shape(dataset_);
  const H5Type type(H5Dget_type(dataset_.get()), "read the type of 'pixels'");
  const bool is_byte = H5Tget_class(type.get()) == H5T_INTEGER && H5Tget_size(type.get()) == 1;
  const bool has_channels = shape.size() == 4 && (shape[3] == 1 || shape[3] == 3);
  if (!is_byte || (shape.size() != 3 && !has_channels)) {
    throw DataError(c10::str("column 'pixels' is ", is_byte ? "uint8" : "not uint8", " [",
                             c10::Join(", ", shape),
                             "]; needed: uint8 [T, H, W, C] with C 1 or 3, or [T, H, W]"));
  }
  num_frames_ = static_cast<int64_t>(shape[0]);
  height_px_ = static_cast<int64_t>(shape[1]);
  width_px_ = static_cast<int64_t>(shape[2]);
  channels_ = has_channels ? static_cast<int64_t>(shape[3]) : 1;
  read_layout();
}

void FrameColumn::read_layout() {
  const H5PropertyList creation(H5Dget_create_plist(dataset_.get()), "read the layout of 'pixels'");
  const auto shape = h5_shape(dataset_);
  is_chunked_ = H5Pget_layout(creation.get()) == H5D_CHUNKED;
  if (!is_chunked_) {
    layout_ = "contiguous";
    return;
  }
  std::vector<hsize_t> chunk(shape.size());
  H5Pget_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
  const auto filters = filter_ids(creation);
  layout_ = c10::str("chunks [", c10::Join(", ", chunk), "]");
  for (const int id : filters) layout_ += ", " + filter_name(id);
  if (!std::equal(chunk.begin() + 1, chunk.end(), shape.begin() + 1)) return;
  chunk_frames_ = static_cast<int64_t>(chunk[0]);
  codec_ = ChunkCodec::from_filters(filters);
}

int64_t FrameColumn::num_chunks() const {
  return chunk_frames_ == 0 ? 0 : (num_frames_ + chunk_frames_ - 1) / chunk_frames_;
}

int64_t FrameColumn::stored_bytes() const {
  const H5Lock lock;
  return static_cast<int64_t>(H5Dget_storage_size(dataset_.get()));
}

void FrameColumn::read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  is_direct() ? read_direct(first, count, stride, out) : read_plain(first, count, stride, out);
}

/// Decodes straight into `out` where a chunk is wanted whole, else through scratch memory.
void FrameColumn::read_direct(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  const auto bytes = static_cast<size_t>(frame_bytes());
  const auto chunk_bytes = static_cast<size_t>(chunk_frames_) * bytes;
  for (int64_t i = 0; i < count;) {
    const int64_t chunk = (first + i * stride) / chunk_frames_;
    const int64_t begin = chunk * chunk_frames_, end = begin + chunk_frames_;
    const int64_t wanted = std::min(count - i, (end - 1 - first - i * stride) / stride + 1);
    uint8_t* const target = out + static_cast<size_t>(i) * bytes;
    if (stride == 1 && wanted == chunk_frames_) {
      decode_chunk(chunk, {target, chunk_bytes});
    } else {
      scratch().raw.resize(chunk_bytes);
      decode_chunk(chunk, scratch().raw);
      for (int64_t k = 0; k < wanted; ++k) {
        const auto row = static_cast<size_t>(first + (i + k) * stride - begin);
        std::memcpy(target + static_cast<size_t>(k) * bytes, scratch().raw.data() + row * bytes,
                    bytes);
      }
    }
    i += wanted;
  }
}

void FrameColumn::decode_chunk(int64_t chunk, std::span<uint8_t> raw) const {
  const std::array<hsize_t, 4> offset{static_cast<hsize_t>(chunk * chunk_frames_), 0, 0, 0};
  const int64_t first = chunk * chunk_frames_;
  const int64_t last = std::min(first + chunk_frames_, num_frames_);
  auto& stored = scratch().stored;
  uint32_t filter_mask = 0;
  {
    const H5Lock lock;
    hsize_t stored_bytes = 0;
    if (H5Dget_chunk_storage_size(dataset_.get(), offset.data(), &stored_bytes) < 0 ||
        stored_bytes == 0) {
      throw DamagedFrames("the chunk is not in the file", first, last);
    }
    stored.resize(stored_bytes);
    if (H5Dread_chunk(dataset_.get(), H5P_DEFAULT, offset.data(), &filter_mask, stored.data()) <
        0) {
      throw DamagedFrames("the chunk cannot be read from the disk", first, last);
    }
  }
  try {
    codec_->decode(stored, filter_mask, raw);
  } catch (const DamagedChunk& damage) {
    throw DamagedFrames(damage.what(), first, last);
  }
}

/// Never a strided selection, which HDF5 serves hundreds of times slower.
void FrameColumn::read_plain(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  if (stride == 1) return read_rows(first, count, out);
  const auto bytes = static_cast<size_t>(frame_bytes());
  if (!is_chunked_) {
    for (int64_t i = 0; i < count; ++i) {
      read_rows(first + i * stride, 1, out + static_cast<size_t>(i) * bytes);
    }
    return;
  }
  auto& span = scratch().raw;  // once, because each chunk holds parts of many frames
  span.resize(static_cast<size_t>((count - 1) * stride + 1) * bytes);
  read_rows(first, (count - 1) * stride + 1, span.data());
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(out + static_cast<size_t>(i) * bytes,
                span.data() + static_cast<size_t>(i * stride) * bytes, bytes);
  }
}

void FrameColumn::read_rows(int64_t first, int64_t count, uint8_t* out) const {
  const H5Lock lock;
  auto extent = h5_shape(dataset_);
  std::vector<hsize_t> start(extent.size(), 0);
  start[0] = static_cast<hsize_t>(first);
  extent[0] = static_cast<hsize_t>(count);
  const auto rank = static_cast<int>(extent.size());
  const H5Space stored(H5Dget_space(dataset_.get()), "select frames");
  check_h5(H5Sselect_hyperslab(stored.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                               nullptr),
           "select frames");
  const H5Space memory(H5Screate_simple(rank, extent.data(), nullptr), "select frames");
  if (H5Dread(dataset_.get(), H5T_NATIVE_UINT8, memory.get(), stored.get(), H5P_DEFAULT, out) < 0) {
    throw DamagedFrames("HDF5 cannot read them (" + layout_ +
                            "): damaged, or a filter that is not installed; rewrite the file with "
                            "zstd, gzip or no compression",
                        first, first + count);
  }
}

void FrameColumn::check_chunk(int64_t chunk) const {
  auto& raw = scratch().raw;
  const int64_t first = chunk * chunk_frames_;
  if (is_direct()) {
    raw.resize(static_cast<size_t>(chunk_frames_ * frame_bytes()));
    decode_chunk(chunk, raw);
  } else {
    const int64_t count = std::min(chunk_frames_, num_frames_ - first);
    raw.resize(static_cast<size_t>(count * frame_bytes()));
    read_rows(first, count, raw.data());
  }
}

}  // namespace nextframe
