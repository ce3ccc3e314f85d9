// This file is whole columns of a shard: small datasets that are read and written at once.
#pragma once

#include <ATen/core/Tensor.h>

#include "data/h5.h"

namespace nextframe {

/// Writes `values` [T, ...] as dataset `name`, in chunks with a fletcher32 checksum.
void write_column(const H5File& file, const std::string& name, const at::Tensor& values);

/// Any integers as int64, floating numbers as float32, booleans as uint8.
/// Throws DataError that names the column but not the file.
at::Tensor read_column(const H5File& file, const std::string& name);

}  // namespace nextframe
