// What is stored, as hashes: raw chunks where there are chunks, since nothing has to be unpacked
// for that.
#include <algorithm>
#include <numeric>
#include <optional>

#include "data/checksum.h"
#include "data/stored_rows.h"

namespace nextframe {
namespace {

constexpr int64_t kRowPieceBytes = int64_t{1} << 18;  // of rows that are not in chunks
constexpr int64_t kSizesALock = 1024;
constexpr int64_t kMaxSizes = 65536;  // of chunks that are looked up, at most

/// The chunks of a dataset, numbered with the last axis fastest.
struct ChunkGrid {
  explicit ChunkGrid(const H5Dataset& dataset) : chunk(h5_shape(dataset)), counts(chunk) {
    const H5PropertyList creation(H5Dget_create_plist(dataset.get()),
                                  "read the layout of 'pixels'");
    H5Pget_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
    for (size_t i = 0; i < chunk.size(); ++i) counts[i] = (counts[i] + chunk[i] - 1) / chunk[i];
  }

  int64_t size() const {
    return std::accumulate(counts.begin(), counts.end(), int64_t{1},
                           [](int64_t all, hsize_t n) { return all * static_cast<int64_t>(n); });
  }

  std::vector<hsize_t> first_of(int64_t number) const {
    auto rest = static_cast<hsize_t>(number);
    std::vector<hsize_t> first(counts.size());
    for (size_t i = counts.size(); i-- > 0;) {
      first[i] = rest % counts[i] * chunk[i];
      rest /= counts[i];
    }
    return first;
  }

  std::vector<hsize_t> chunk, counts;
};

/// Number `i` of `count` that are spread evenly over [0, total).
int64_t spread(int64_t i, int64_t count, int64_t total) {
  return i * (total / count) + i * (total % count) / count;
}

hsize_t stored_size(const H5Dataset& dataset, const std::vector<hsize_t>& first) {
  hsize_t bytes = 0;
  return H5Dget_chunk_storage_size(dataset.get(), first.data(), &bytes) < 0 ? 0 : bytes;
}

/// A chunk that cannot be read counts by its size alone: it is told when a clip asks for it.
void add_chunk(Hasher& hasher, const H5Dataset& dataset, const std::vector<hsize_t>& first,
               hsize_t max_bytes, std::vector<uint8_t>& memory) {
  H5Lock lock;
  const hsize_t bytes = stored_size(dataset, first);
  hasher.add(&bytes, sizeof(bytes));
  if (bytes == 0 || bytes > max_bytes) return;
  memory.resize(bytes);
  uint32_t filter_mask = 0;
  if (H5Dread_chunk(dataset.get(), H5P_DEFAULT, first.data(), &filter_mask, memory.data()) < 0) {
    return;
  }
  lock.unlock();
  hasher.add(&filter_mask, sizeof(filter_mask));
  hasher.add(memory.data(), memory.size());
}

}  // namespace

/// Rows that are not stored in chunks are read in groups.
int64_t StoredRows::num_pieces() const {
  const H5Lock lock;
  if (is_chunked()) return ChunkGrid(dataset_).size();
  const int64_t group = std::max<int64_t>(kRowPieceBytes / std::max<int64_t>(row_bytes_, 1), 1);
  return (num_rows() + group - 1) / group;
}

/// Locks HDF5 for some pieces at a time: there is a limit to how long it may take.
void StoredRows::add_stored(Hasher& hasher, int64_t max_pieces) const {
  const int64_t total = num_pieces(), count = std::min(total, max_pieces);
  std::vector<uint8_t> memory;
  if (!is_chunked()) {
    const int64_t group = std::max<int64_t>(kRowPieceBytes / std::max<int64_t>(row_bytes_, 1), 1);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t first = spread(i, count, total) * group;
      const int64_t rows = std::min(group, num_rows() - first);
      memory.assign(static_cast<size_t>(rows * row_bytes_), 0);
      try {
        read(first, rows, 1, memory.data());
      } catch (const DamagedRows&) {
        memory.clear();
      }
      hasher.add(memory.data(), memory.size());
    }
    return;
  }
  std::optional<H5Lock> lock(std::in_place);
  const ChunkGrid grid(dataset_);
  const int64_t num_sizes = std::min(total, kMaxSizes);
  for (int64_t i = 0; i < num_sizes; ++i) {
    if (i % kSizesALock == 0) {
      lock.reset();
      lock.emplace();
    }
    const hsize_t bytes = stored_size(dataset_, grid.first_of(spread(i, num_sizes, total)));
    hasher.add(&bytes, sizeof(bytes));
  }
  lock.reset();
  for (int64_t i = 0; i < count; ++i) {
    add_chunk(hasher, dataset_, grid.first_of(spread(i, count, total)),
              static_cast<hsize_t>(file_bytes_), memory);
  }
}

}  // namespace nextframe
