#include "data/h5_filters.h"

#include <zstd.h>

namespace nextframe {
namespace {

constexpr int kSizeGuardId = 511;  // the last of those that are for anybody's own use

/// The size in bytes that kSizeGuardId lets pass; under H5Lock.
size_t guarded_bytes = 0;

/// Only so that files with zstd can be created: chunks are compressed and decompressed by us.
size_t zstd_filter(unsigned, size_t, const unsigned*, size_t, size_t*, void**) { return 0; }

/// The last step of reading: fails unless the other filters have made a whole chunk.
size_t size_guard(unsigned flags, size_t, const unsigned*, size_t num_bytes, size_t*, void**) {
  const bool is_reading = (flags & H5Z_FLAG_REVERSE) != 0;
  return is_reading && num_bytes != guarded_bytes ? 0 : num_bytes;
}

bool register_filter(int id, const char* name, H5Z_func_t filter) {
  const H5Z_class2_t entry{
      H5Z_CLASS_T_VERS, id,    /*encoder_present=*/1, /*decoder_present=*/1, name, nullptr,
      nullptr,          filter};
  return H5Zregister(&entry) >= 0;
}

H5File file_in_memory() {
  const H5PropertyList access(H5Pcreate(H5P_FILE_ACCESS), "create file access properties");
  check_h5(H5Pset_fapl_core(access.get(), size_t{1} << 20, /*backing_store=*/false),
           "keep a file in memory");
  return H5File(H5Fcreate("nextframe-chunk", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()),
                "create a file in memory");
}

/// With the same properties, so that filters find the parameters that they had, behind our guard.
H5Dataset dataset_of_one_chunk(const H5File& file, const H5Type& type,
                               const H5PropertyList& creation, const std::vector<int64_t>& chunk,
                               const std::vector<ChunkFilter>& filters) {
  const std::string what = "undo the filters of a chunk";
  const std::vector<hsize_t> extent(chunk.begin(), chunk.end());
  const H5Space space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                      what);
  const H5PropertyList guarded(H5Pcopy(creation.get()), what);
  check_h5(H5Premove_filter(guarded.get(), H5Z_FILTER_ALL), what);
  check_h5(H5Pset_filter(guarded.get(), kSizeGuardId, H5Z_FLAG_MANDATORY, 0, nullptr), what);
  for (const auto& filter : filters) {
    check_h5(H5Pset_filter(guarded.get(), filter.id, H5Z_FLAG_OPTIONAL, filter.values.size(),
                           filter.values.data()),
             what);
  }
  return H5Dataset(H5Dcreate2(file.get(), "chunk", type.get(), space.get(), H5P_DEFAULT,
                              guarded.get(), H5P_DEFAULT),
                   what);
}

}  // namespace

bool register_h5_filters() {
  return register_filter(kZstdFilterId, "zstd", zstd_filter) &&
         register_filter(kSizeGuardId, "nextframe's check of a chunk's size", size_guard);
}

void check_filters_are_there(const std::vector<ChunkFilter>& filters) {
  for (const auto& filter : filters) {
    if (is_known_filter(filter.id) || H5Zfilter_avail(filter.id) > 0) continue;
    throw DataError("is stored with the HDF5 filter " + filter_name(filter.id) + " (id " +
                    std::to_string(filter.id) +
                    "), which is not there. Set HDF5_PLUGIN_PATH to a folder with its plugin (that "
                    "of Python's hdf5plugin, for example), or rewrite the file where it can be "
                    "read: `h5repack -f GZIP=4 OLD.h5 NEW.h5`");
  }
}

void undo_with_hdf5(const H5Type& type, const H5PropertyList& creation,
                    const std::vector<int64_t>& chunk, const std::vector<ChunkFilter>& filters,
                    uint32_t filter_mask, std::span<const uint8_t> stored,
                    std::span<uint8_t> raw) try {
  const H5File file = file_in_memory();
  const H5Dataset dataset = dataset_of_one_chunk(file, type, creation, chunk, filters);
  const std::vector<hsize_t> origin(chunk.size(), 0);
  check_h5(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, filter_mask << 1, origin.data(),
                          stored.size(), stored.data()),
           "take a chunk");
  guarded_bytes = raw.size();
  check_h5(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()),
           "undo the filters of a chunk");
} catch (const DataError& error) {
  throw DamagedChunk(error.what());
}

}  // namespace nextframe
