#include "data/h5.h"

#include "data/zstd_filter.h"

namespace nextframe {
namespace {

/// One a process, because HDF5's own state is.
std::recursive_mutex& h5_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

H5Type variable_text_type() {
  H5Type type(H5Tcopy(H5T_C_S1), "copy the text type");
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void write_scalar(const H5File& file, const std::string& name, hid_t type, const void* value) {
  const H5Space space(H5Screate(H5S_SCALAR), "create a scalar");
  const std::string what = "write the attribute '" + name + "'";
  const H5Attribute attribute(
      H5Acreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), what);
  check_h5(H5Awrite(attribute.get(), type, value), what);
}

std::string read_variable_text(const H5Attribute& attribute) {
  const H5Type type = variable_text_type();
  char* text = nullptr;
  check_h5(H5Aread(attribute.get(), type.get(), &text), "read a text attribute");
  std::string result = text != nullptr ? text : "";
  H5free_memory(text);
  return result;
}

std::string read_fixed_text(const H5Attribute& attribute, const H5Type& stored) {
  std::string text(H5Tget_size(stored.get()), '\0');
  check_h5(H5Aread(attribute.get(), stored.get(), text.data()), "read a text attribute");
  return text.substr(0, text.find('\0'));
}

bool has_attribute(const H5File& file, const std::string& name) {
  return H5Aexists(file.get(), name.c_str()) > 0;
}

}  // namespace

H5Lock::H5Lock() : lock_(h5_mutex()) {
  static const bool registered = register_zstd_filter();
  if (!registered) throw DataError("HDF5 cannot register the zstd filter");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // the setting belongs to the thread
}

void check_h5(herr_t status, const std::string& what) {
  if (status < 0) throw DataError("HDF5 cannot " + what);
}

H5File open_h5(const std::filesystem::path& path) {
  const H5Lock lock;
  const H5PropertyList access(H5Pcreate(H5P_FILE_ACCESS), "create file access properties");
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access.get(), /*use_file_locking=*/false, /*ignore_when_disabled=*/true);
#endif
  return H5File(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), "open " + path.string());
}

H5File create_h5(const std::filesystem::path& path) {
  const H5Lock lock;
  const H5PropertyList access(H5Pcreate(H5P_FILE_ACCESS), "create file access properties");
  check_h5(H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V110),
           "bound the file format");
  return H5File(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()),
                "create " + path.string());
}

std::vector<hsize_t> h5_shape(const H5Dataset& dataset) {
  const H5Lock lock;
  const H5Space space(H5Dget_space(dataset.get()), "read a shape");
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> shape(static_cast<size_t>(std::max(rank, 0)));
  H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  return shape;
}

bool h5_has(const H5File& file, const std::string& name) {
  const H5Lock lock;
  return H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> h5_names(const H5File& file) {
  const H5Lock lock;
  std::vector<std::string> names;
  check_h5(H5Literate(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name, &names),
           "list the columns");
  return names;
}

void write_attribute(const H5File& file, const std::string& name, const std::string& value) {
  const H5Lock lock;
  const char* text = value.c_str();
  write_scalar(file, name, variable_text_type().get(), &text);
}

void write_attribute(const H5File& file, const std::string& name, int64_t value) {
  const H5Lock lock;
  write_scalar(file, name, H5T_NATIVE_INT64, &value);
}

std::optional<std::string> read_text_attribute(const H5File& file, const std::string& name) {
  const H5Lock lock;
  if (!has_attribute(file, name)) return std::nullopt;
  const H5Attribute attribute(H5Aopen(file.get(), name.c_str(), H5P_DEFAULT),
                              "open the attribute '" + name + "'");
  const H5Type stored(H5Aget_type(attribute.get()), "read the type of '" + name + "'");
  if (H5Tget_class(stored.get()) != H5T_STRING) return std::nullopt;
  return H5Tis_variable_str(stored.get()) > 0 ? read_variable_text(attribute)
                                              : read_fixed_text(attribute, stored);
}

std::optional<int64_t> read_integer_attribute(const H5File& file, const std::string& name) {
  const H5Lock lock;
  if (!has_attribute(file, name)) return std::nullopt;
  const H5Attribute attribute(H5Aopen(file.get(), name.c_str(), H5P_DEFAULT),
                              "open the attribute '" + name + "'");
  const H5Type stored(H5Aget_type(attribute.get()), "read the type of '" + name + "'");
  if (H5Tget_class(stored.get()) != H5T_INTEGER) return std::nullopt;
  int64_t value = 0;
  check_h5(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), "read the attribute '" + name + "'");
  return value;
}

}  // namespace nextframe
