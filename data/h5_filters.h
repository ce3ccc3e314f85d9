// What HDF5's own filter pipeline is told of and asked for: the id of zstd, which Debian's HDF5
// does not know, and filters that are not ours to undo (szip, nbit, scaleoffset, plugins).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/chunk_filters.h"
#include "data/h5.h"

namespace nextframe {

/// Idempotent; false if HDF5 refuses. Call it under H5Lock.
bool register_h5_filters();

/// Throws DataError that names each filter which is neither ours nor one of HDF5's or its plugins,
/// and says how to go on. Call it under H5Lock.
void check_filters_are_there(const std::vector<ChunkFilter>& filters);

/// Has HDF5 undo the filters of one stored chunk of a dataset (its type, its creation properties,
/// the extents of a chunk) in a file in memory. Fills `raw` completely, or throws DamagedChunk:
/// HDF5 would read on behind a chunk that its filters made too short. Call it under H5Lock.
void undo_with_hdf5(const H5Type& type, const H5PropertyList& creation,
                    const std::vector<int64_t>& chunk, const std::vector<ChunkFilter>& filters,
                    uint32_t filter_mask, std::span<const uint8_t> stored, std::span<uint8_t> raw);

}  // namespace nextframe
