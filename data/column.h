// Whole columns of a shard: small datasets that are read and written at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "data/h5.h"
#include "data/h5_type.h"

namespace nextframe {

/// Writes `values` [T, ...] as dataset `name`, in chunks with a fletcher32 checksum; rows of 1 KiB
/// and more are compressed by gzip.
void write_column(const H5File& file, const std::string& name, const at::Tensor& values);

/// A column's values, and what they were stored as.
struct ReadColumn {
  at::Tensor values;  // integers and choices int64, floating numbers float32; [T, ...]
  ElementType type;   // of an enum, `values` are the places of its members in ascending order
};

/// The shape that a column must have, asked before any value is read: throws DataError if not.
using ShapeCheck = std::function<void(const std::vector<int64_t>& shape, const ElementType& type)>;

/// Integers, IEEE floats, enums and booleans; what is above int64, or no member of its enum, is an
/// error. Throws DataError that names the column but not the file.
ReadColumn read_typed_column(const H5File& file, const std::string& name,
                             const ShapeCheck& check = nullptr);

inline at::Tensor read_column(const H5File& file, const std::string& name) {
  return read_typed_column(file, name).values;
}

}  // namespace nextframe
