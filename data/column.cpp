#include "data/column.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace nextframe {
namespace {

constexpr hsize_t kChunkBytes = 65536;

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

/// How a stored type is read: into what tensor, through which HDF5 type.
std::pair<at::ScalarType, hid_t> memory_type(const H5Type& stored, const std::string& name) {
  const auto kind = H5Tget_class(stored.get());
  if (kind == H5T_INTEGER) return {at::kLong, H5T_NATIVE_INT64};
  if (kind == H5T_FLOAT) return {at::kFloat, H5T_NATIVE_FLOAT};
  if (kind == H5T_ENUM) return {at::kByte, stored.get()};  // how h5py stores booleans
  throw DataError("column '" + name + "' holds neither integers nor floating numbers");
}

/// A damaged shape can ask for more memory than there is.
at::Tensor allocate(const std::vector<int64_t>& shape, at::ScalarType type,
                    const std::string& name) try {
  return at::empty(shape, at::TensorOptions(type));
} catch (const c10::Error&) {
  throw DataError(c10::str("column '", name, "' claims the shape [", c10::Join(", ", shape),
                           "], which does not fit into memory; the file may be damaged"));
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
    check_h5(H5Pset_fletcher32(creation.get()), what);
  }
  const hid_t type = stored_type(rows.scalar_type());
  const H5Dataset dataset(H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT,
                                     creation.get(), H5P_DEFAULT),
                          what);
  check_h5(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.const_data_ptr()),
           what);
}

at::Tensor read_column(const H5File& file, const std::string& name) {
  const H5Lock lock;
  const std::string what = "read the column '" + name + "'";
  const H5Dataset dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), what);
  const H5Type stored(H5Dget_type(dataset.get()), what);
  const auto [type, native] = memory_type(stored, name);
  const auto shape = h5_shape(dataset);
  const at::Tensor values = allocate({shape.begin(), shape.end()}, type, name);
  check_h5(H5Dread(dataset.get(), native, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data_ptr()),
           what + " (damaged, or compressed with a filter that is not installed)");
  return values;
}

}  // namespace nextframe
