#include "data/column.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/stored_rows.h"

namespace nextframe {
namespace {

constexpr hsize_t kChunkBytes = 65536;
constexpr int64_t kReadBytes = 1 << 20;  // of a column at once
constexpr size_t kLargeRowBytes = 1024;  // images, such as masks of objects, are compressed

hid_t stored_type(at::ScalarType type) {
  switch (type) {
    case at::kByte:
      return H5T_STD_U8LE;
    case at::kInt:
      return H5T_STD_I32LE;
    case at::kLong:
      return H5T_STD_I64LE;
    case at::kFloat:
      return H5T_IEEE_F32LE;
    case at::kDouble:
      return H5T_IEEE_F64LE;
    default:
      TORCH_CHECK(false, "a column must be uint8, int32, int64, float32 or float64, got ", type);
  }
}

std::vector<hsize_t> chunk_of(const at::Tensor& values) {
  std::vector<hsize_t> chunk(values.sizes().begin(), values.sizes().end());
  const auto row_bytes = static_cast<hsize_t>(values[0].nbytes());
  chunk[0] = std::clamp(kChunkBytes / std::max<hsize_t>(row_bytes, 1), hsize_t{1}, chunk[0]);
  return chunk;
}

/// A damaged shape can ask for more memory than there is.
at::Tensor allocate(const std::vector<int64_t>& shape, at::ScalarType type,
                    const std::string& name) try {
  return at::empty(shape, at::TensorOptions(type));
} catch (const c10::Error&) {
  throw DataError(c10::str("column '", name, "' claims the shape [", c10::Join(", ", shape),
                           "], which does not fit into memory; the file may be damaged"));
}

/// Elements of one block as int64.
void convert_integers(const ElementType& type, const std::vector<uint8_t>& stored, int64_t first,
                      int64_t* out, const std::string& name) {
  const bool is_choice = type.kind == ElementType::Kind::choice;
  const auto count = static_cast<int64_t>(stored.size()) / type.bytes;
  for (int64_t i = 0; i < count; ++i) {
    auto value = integer_at(type, stored.data() + i * type.bytes);
    if (!value) {
      throw DataError(
          c10::str("column '", name, "' holds a number above 2^63 - 1, at element ", first + i));
    }
    if (is_choice) {
      const auto member = member_of(type, *value);
      if (!member) {
        throw DataError(c10::str("column '", name, "' holds ", *value, " at element ", first + i,
                                 ", which is no member of its enum"));
      }
      value = member;
    }
    out[i] = *value;
  }
}

void convert_floats(const ElementType& type, const std::vector<uint8_t>& stored, float* out) {
  const auto count = static_cast<int64_t>(stored.size()) / type.bytes;
  for (int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(number_at(type, stored.data() + i * type.bytes));
  }
}

/// Block after block, so that memory holds the values once.
at::Tensor read_values(const StoredRows& rows, const std::string& name) {
  const auto& type = rows.type();
  const bool is_float = type.kind == ElementType::Kind::floating;
  const at::Tensor values = allocate(rows.shape(), is_float ? at::kFloat : at::kLong, name);
  const int64_t row_elements = rows.row_bytes() / type.bytes;
  if (values.numel() == 0) return values;
  const int64_t block_rows = rows.rows_at_once(kReadBytes);
  std::vector<uint8_t> stored;
  for (int64_t first = 0; first < rows.num_rows(); first += block_rows) {
    const int64_t count = std::min(block_rows, rows.num_rows() - first);
    stored.resize(static_cast<size_t>(count * rows.row_bytes()));
    rows.read(first, count, 1, stored.data());
    const int64_t begin = first * row_elements;
    if (is_float) {
      convert_floats(type, stored, values.data_ptr<float>() + begin);
    } else {
      convert_integers(type, stored, begin, values.data_ptr<int64_t>() + begin, name);
    }
  }
  return values;
}

}  // namespace

void write_column(const H5File& file, const std::string& name, const at::Tensor& values) {
  const H5Lock lock;
  const at::Tensor rows = values.contiguous();
  const auto rank = static_cast<int>(rows.dim());
  const std::vector<hsize_t> shape(rows.sizes().begin(), rows.sizes().end());
  const std::string what = "write the column '" + name + "'";
  const H5Space space(H5Screate_simple(rank, shape.data(), nullptr), what);
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), what);
  if (rows.numel() > 0) {
    check_h5(H5Pset_chunk(creation.get(), rank, chunk_of(rows).data()), what);
    if (rows[0].nbytes() >= kLargeRowBytes) check_h5(H5Pset_deflate(creation.get(), 4), what);
    check_h5(H5Pset_fletcher32(creation.get()), what);
  }
  check_h5(H5Pset_obj_track_times(creation.get(), false), what);
  const hid_t type = stored_type(rows.scalar_type());
  const H5Dataset dataset(H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT,
                                     creation.get(), H5P_DEFAULT),
                          what);
  check_h5(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.const_data_ptr()),
           what);
}

ReadColumn read_typed_column(const H5File& file, const std::string& name, const ShapeCheck& check) {
  const StoredRows rows(file, name);
  const auto& type = rows.type();
  if (check) check(rows.shape(), type);
  try {
    return {read_values(rows, name), type};
  } catch (const DamagedRows& damage) {
    throw DataError(c10::str("column '", name, "', rows ", damage.first, " to ", damage.last - 1,
                             ": ", damage.what(), "; copy or make the file again"));
  }
}

}  // namespace nextframe
