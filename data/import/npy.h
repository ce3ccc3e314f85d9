// Reads NumPy's .npy format: the header, then the array as a tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "data/import/zip_file.h"

namespace nextframe {

struct NpyHeader {
  std::string type;  // NumPy's, for example "|u1" or "<f4"
  std::vector<int64_t> shape;
};

/// Reads the header and leaves the stream at the first number. Throws DataError without a name for
/// what is no array of numbers in C order, or one whose shape needs more or fewer bytes than
/// follow.
NpyHeader read_npy_header(ZipStream& stream);

/// The text of an array that is one text (NumPy's '<U5' with the shape ()), read from its header
/// on. Throws DataError without a name for any other array; letters that are not ASCII become '?'.
std::string read_npy_text(ZipStream& stream);

/// The type of its elements as a tensor's; DataError for any that NumPy has and we do not read.
at::ScalarType element_type(const NpyHeader& header);

/// "float32 [40, 64, 64, 3]".
std::string describe(const NpyHeader& header);

/// The whole array: integers and booleans as int64, floating numbers as float32.
at::Tensor read_npy(ZipStream& stream, const NpyHeader& header);

}  // namespace nextframe
