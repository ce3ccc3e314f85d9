#include "data/zstd_filter.h"

#include <hdf5.h>
#include <zstd.h>

#include <algorithm>

namespace nextframe {
namespace {

size_t decompressed_bytes(const void* stored, size_t stored_bytes) {
  const auto bytes = ZSTD_getFrameContentSize(stored, stored_bytes);
  return bytes == ZSTD_CONTENTSIZE_UNKNOWN || bytes == ZSTD_CONTENTSIZE_ERROR ? 0 : bytes;
}

/// HDF5's filter call: replaces `*buffer` and returns its new size in bytes, or 0 on failure.
size_t zstd_filter(unsigned flags, size_t num_values, const unsigned* values, size_t num_bytes,
                   size_t* buffer_bytes, void** buffer) {
  const bool reading = (flags & H5Z_FLAG_REVERSE) != 0;
  const int level = num_values > 0 ? static_cast<int>(values[0]) : ZSTD_CLEVEL_DEFAULT;
  const size_t capacity =
      reading ? decompressed_bytes(*buffer, num_bytes) : ZSTD_compressBound(num_bytes);
  void* result = capacity > 0 ? H5allocate_memory(capacity, /*clear=*/false) : nullptr;
  if (result == nullptr) return 0;
  const size_t result_bytes = reading ? ZSTD_decompress(result, capacity, *buffer, num_bytes)
                                      : ZSTD_compress(result, capacity, *buffer, num_bytes, level);
  if (ZSTD_isError(result_bytes) != 0) {
    H5free_memory(result);
    return 0;
  }
  H5free_memory(*buffer);
  *buffer = result;
  *buffer_bytes = capacity;
  return result_bytes;
}

}  // namespace

bool register_zstd_filter() {
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS,      kZstdFilterId,
                            /*encoder_present=*/1,
                            /*decoder_present=*/1, "zstd",        nullptr, nullptr, zstd_filter};
  return H5Zregister(&filter) >= 0;
}

}  // namespace nextframe
