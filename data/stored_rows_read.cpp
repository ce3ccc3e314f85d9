#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "data/h5_filters.h"
#include "data/shard_content.h"
#include "data/stored_rows.h"

namespace nextframe {
namespace {

/// Memory of a reader thread, kept because chunks come by the thousand.
struct RowScratch {
  std::vector<uint8_t> stored, raw;
};

RowScratch& row_scratch() {
  thread_local RowScratch memory;
  return memory;
}

/// Copies a box of runs from one array of bytes to another, innermost axis first.
struct BoxCopy {
  std::vector<int64_t> extents;             // of the box; the last one in bytes
  std::vector<int64_t> from_step, to_step;  // bytes from one index of an axis to the next

  void run(size_t axis, const uint8_t* from, uint8_t* to) const {
    if (axis + 1 == extents.size()) {
      std::memcpy(to, from, static_cast<size_t>(extents[axis]));
      return;
    }
    for (int64_t i = 0; i < extents[axis]; ++i) {
      run(axis + 1, from + i * from_step[axis], to + i * to_step[axis]);
    }
  }
};

/// Bytes from one index of each axis to the next, in an array of these extents.
std::vector<int64_t> steps_of(const std::vector<int64_t>& extents, int64_t element_bytes) {
  std::vector<int64_t> steps(extents.size());
  for (size_t d = extents.size(); d-- > 0; element_bytes *= extents[d]) steps[d] = element_bytes;
  return steps;
}

}  // namespace

bool StoredRows::has_checksum() const {
  if (parts_.empty()) return codec_ && codec_->has_checksum();
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.source->has_checksum(); });
}

int64_t StoredRows::stored_bytes() const {
  int64_t bytes = 0;
  for (const auto& part : parts_) bytes += part.source->stored_bytes();
  if (!parts_.empty()) return bytes;
  const H5Lock lock;
  return static_cast<int64_t>(H5Dget_storage_size(dataset_.get()));
}

void StoredRows::read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  if (!parts_.empty()) return read_parts(first, count, stride, out);
  if (has_whole_rows_) return read_whole_row_chunks(first, count, stride, out);
  if (is_chunked()) return read_strided_tiles(first, count, stride, out);
  if (stride == 1) return read_piece(first, count, out);
  for (int64_t i = 0; i < count; ++i) read_piece(first + i * stride, 1, out + i * row_bytes_);
}

/// Once for all rows in between, because each tile holds parts of many.
void StoredRows::read_strided_tiles(int64_t first, int64_t count, int64_t stride,
                                    uint8_t* out) const {
  if (stride == 1) return read_tiles(first, count, out);
  const auto bytes = static_cast<size_t>(row_bytes_);
  const int64_t span_rows = (count - 1) * stride + 1;
  std::vector<uint8_t> span(static_cast<size_t>(span_rows) * bytes);
  read_tiles(first, span_rows, span.data());
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(out + static_cast<size_t>(i) * bytes,
                span.data() + static_cast<size_t>(i * stride) * bytes, bytes);
  }
}

void StoredRows::read_piece(int64_t first, int64_t count, uint8_t* out) const {
  if (!external_.empty()) return read_external(first, count, out);
  if (elements_ == Elements::byte_lists) return read_references(first, count, out);
  const H5Lock lock;
  set_h5_subject(path_.string());
  std::vector<hsize_t> start(shape_.size(), 0), extent(shape_.begin(), shape_.end());
  start[0] = static_cast<hsize_t>(first);
  extent[0] = static_cast<hsize_t>(count);
  const H5Space stored(H5Dget_space(dataset_.get()), "select rows");
  check_h5(H5Sselect_hyperslab(stored.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                               nullptr),
           "select rows");
  const H5Space memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                       "select rows");
  if (H5Dread(dataset_.get(), stored_type_.get(), memory.get(), stored.get(), H5P_DEFAULT, out) <
      0) {
    throw DamagedRows("HDF5 cannot read them" + h5_reason(), first, first + count);
  }
}

/// As they stand in the file: HDF5 would go and fetch the lists.
void StoredRows::read_references(int64_t first, int64_t count, uint8_t* out) const {
  H5Lock lock;
  const auto offset = static_cast<int64_t>(H5Dget_offset(dataset_.get()));
  lock.unlock();
  std::ifstream file(path_, std::ios::binary);
  file.seekg(offset + first * row_bytes_);
  if (!file.read(reinterpret_cast<char*>(out), count * row_bytes_)) {
    throw DamagedRows("cannot read " + path_.string(), first, first + count);
  }
}

/// The files follow one another as if they were one run of bytes.
void StoredRows::read_external(int64_t first, int64_t count, uint8_t* out) const {
  int64_t begin = first * row_bytes_, left = count * row_bytes_, file_begin = 0;
  for (const auto& piece : external_) {
    const int64_t inside = begin - file_begin;
    const int64_t bytes = std::min(left, piece.bytes - inside);
    file_begin += piece.bytes;
    if (bytes <= 0) continue;
    std::ifstream file(piece.path, std::ios::binary);
    file.seekg(piece.offset + inside);
    if (!file.read(reinterpret_cast<char*>(out), bytes)) {
      throw DamagedRows("cannot read " + piece.path.string(), first, first + count);
    }
    begin += bytes;
    out += bytes;
    left -= bytes;
  }
}

void StoredRows::read_parts(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  for (const auto& part : parts_) {
    const int64_t begin = std::max<int64_t>((part.first - first + stride - 1) / stride, 0);
    const int64_t end = std::min((part.last - first + stride - 1) / stride, count);
    if (begin >= end || part.last <= first) continue;
    const int64_t shift = part.source_first - part.first;
    try {
      part.source->read(first + begin * stride + shift, end - begin, stride,
                        out + begin * row_bytes_);
    } catch (const DamagedRows& damage) {
      throw DamagedRows("in its source " + part.source->path_.string() + ": " + damage.what(),
                        damage.first - shift, damage.last - shift);
    }
  }
}

/// Decodes straight into `out` where a chunk is wanted whole, else through scratch memory.
void StoredRows::read_whole_row_chunks(int64_t first, int64_t count, int64_t stride,
                                       uint8_t* out) const {
  const auto bytes = static_cast<size_t>(row_bytes_);
  std::vector<int64_t> place(shape_.size(), 0);
  for (int64_t i = 0; i < count;) {
    const int64_t begin = (first + i * stride) / chunk_[0] * chunk_[0], end = begin + chunk_[0];
    const int64_t wanted = std::min(count - i, (end - 1 - first - i * stride) / stride + 1);
    uint8_t* const target = out + static_cast<size_t>(i) * bytes;
    place[0] = begin;
    if (stride == 1 && wanted == chunk_[0]) {
      decode_chunk(place, target);
    } else {
      const uint8_t* raw = decode_chunk(place);
      for (int64_t k = 0; k < wanted; ++k) {
        const auto row = static_cast<size_t>(first + (i + k) * stride - begin);
        std::memcpy(target + static_cast<size_t>(k) * bytes, raw + row * bytes, bytes);
      }
    }
    i += wanted;
  }
}

/// Every tile that has a part of the rows, put where it belongs.
void StoredRows::read_tiles(int64_t first, int64_t count, uint8_t* out) const {
  const size_t rank = shape_.size();
  std::vector<int64_t> wanted = shape_;
  wanted[0] = count;
  BoxCopy copy{std::vector<int64_t>(rank), steps_of(chunk_, type_.bytes),
               steps_of(wanted, type_.bytes)};
  std::vector<int64_t> place(rank, 0);
  place[0] = first / chunk_[0] * chunk_[0];
  while (place[0] < first + count) {
    const uint8_t* from = decode_chunk(place);
    uint8_t* to = out;
    for (size_t d = 0; d < rank; ++d) {
      const int64_t low = d == 0 ? first : 0, high = low + wanted[d];
      const int64_t begin = std::max(place[d], low), end = std::min(place[d] + chunk_[d], high);
      copy.extents[d] = end - begin;
      from += (begin - place[d]) * copy.from_step[d];
      to += (begin - low) * copy.to_step[d];
    }
    copy.extents[rank - 1] *= type_.bytes;
    copy.run(0, from, to);
    for (size_t d = rank; d-- > 0;) {  // the next tile, as an odometer counts
      place[d] += chunk_[d];
      if (d == 0 || place[d] < shape_[d]) break;
      place[d] = 0;
    }
  }
}

/// The stored bytes of the chunk that begins at `place`, and its filter mask.
uint32_t StoredRows::fetch_chunk(const std::vector<int64_t>& place,
                                 std::vector<uint8_t>& stored) const {
  const std::vector<hsize_t> offset(place.begin(), place.end());
  const int64_t first = place[0], last = std::min(first + chunk_[0], num_rows());
  uint32_t filter_mask = 0;
  hsize_t bytes = 0;
  if (H5Dget_chunk_storage_size(dataset_.get(), offset.data(), &bytes) < 0 || bytes == 0) {
    throw DamagedRows("the chunk was never written, or is lost", first, last);
  }
  if (bytes > static_cast<hsize_t>(file_bytes_)) {
    throw DamagedRows(
        c10::str("the chunk claims ", bytes, " of the file's ", file_bytes_, " bytes"), first,
        last);
  }
  stored.resize(bytes);
  if (H5Dread_chunk(dataset_.get(), H5P_DEFAULT, offset.data(), &filter_mask, stored.data()) < 0) {
    throw DamagedRows("the chunk cannot be read from the disk" + h5_reason(), first, last);
  }
  return filter_mask;
}

/// Into `target`, or into memory of this thread that holds until the next call. A damaged extent
/// must not ask for memory that the stored bytes could never fill.
const uint8_t* StoredRows::decode_chunk(const std::vector<int64_t>& place, uint8_t* target) const {
  const int64_t first = place[0], last = std::min(first + chunk_[0], num_rows());
  const auto bytes = static_cast<size_t>(chunk_bytes_);
  auto& [stored, raw] = row_scratch();
  try {
    H5Lock lock;
    set_h5_subject(path_.string());
    const uint32_t filter_mask = fetch_chunk(place, stored);
    const bool is_possible = codec_ ? codec_->can_hold(stored.size(), bytes, filter_mask)
                                    : bytes / kMaxChunkRatio <= stored.size();
    if (!is_possible) {
      throw DamagedChunk(
          c10::str("its ", stored.size(), " stored bytes cannot be a chunk of ", bytes));
    }
    if (target == nullptr) {
      raw.resize(bytes);
      target = raw.data();
    }
    if (!codec_) {
      undo_with_hdf5(stored_type_, creation_, chunk_, filters_, filter_mask, stored,
                     {target, bytes});
      return target;
    }
    lock.unlock();
    codec_->decode(stored, filter_mask, {target, bytes});
    const auto chunk = static_cast<size_t>(first / chunk_[0]);
    if (chunk < chunk_hashes_.size() && chunk_hash({target, bytes}) != chunk_hashes_[chunk]) {
      throw DamagedChunk("its XXH3-64 is not the one in the column " +
                         std::string(kChunkHashColumn));
    }
    return target;
  } catch (const DamagedChunk& damage) {
    throw DamagedRows(damage.what(), first, last);
  }
}

int64_t StoredRows::rows_at_once(int64_t bytes) const {
  const int64_t rows = std::max<int64_t>(bytes / std::max<int64_t>(row_bytes_, 1), 1);
  int64_t unit = is_chunked() ? std::min(chunk_[0], std::max<int64_t>(num_rows(), 1)) : 1;
  for (const auto& part : parts_) unit = std::max(unit, part.source->rows_at_once(1));
  return (rows + unit - 1) / unit * unit;
}

std::span<const uint8_t> StoredRows::decode_chunk(int64_t chunk) const {
  std::vector<int64_t> place(shape_.size(), 0);
  place[0] = chunk * chunk_[0];
  return {decode_chunk(place), static_cast<size_t>(chunk_bytes_)};
}

}  // namespace nextframe
