// This file is HDF5's zstd filter, because Debian's HDF5 has none: serves plain H5Dread and files
// that others compressed.
#pragma once

namespace nextframe {

inline constexpr int kZstdFilterId = 32015;  // registered with The HDF Group

/// Idempotent; false if HDF5 refuses. Call it under H5Lock.
bool register_zstd_filter();

}  // namespace nextframe
