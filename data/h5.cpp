#include "data/h5.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "data/h5_filters.h"
#include "data/h5_type.h"

namespace nextframe {
namespace {

constexpr hsize_t kMaxAttributeBytes = hsize_t{1} << 20;
constexpr uint8_t kNewestSuperblock = 3, kFlagsFrom = 3;  // versions that HDF5 1.10 knows and marks
constexpr const char* kRemake = "; copy or make the file again";

/// One a process, because HDF5's own state is.
std::recursive_mutex& h5_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

int h5_depth = 0;                               // of nested locks; only their holder touches it
std::filesystem::path written_path;             // of the H5Writing in force; only its holder's
std::atomic<bool> has_failed_to_write = false;  // for good

herr_t collect_link_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

herr_t collect_attribute_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

/// The innermost entry of the error stack knows most.
herr_t keep_description(unsigned, const H5E_error2_t* error, void* reason) {
  auto& text = *static_cast<std::string*>(reason);
  if (text.empty() && error->desc != nullptr) text = error->desc;
  return 0;
}

void write_scalar(const H5File& file, const std::string& name, hid_t type, const void* value) {
  const H5Space space(H5Screate(H5S_SCALAR), "create a scalar");
  const std::string what = "write the attribute '" + name + "'";
  const H5Attribute attribute(
      H5Acreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), what);
  check_h5(H5Awrite(attribute.get(), type, value), what);
}

/// What is wrong with a file whose first bytes are not HDF5's.
std::string other_content(const std::string& start) {
  if (start.empty()) return "is empty (0 bytes)";
  if (start.starts_with("version https://git-lfs")) {
    return "is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`";
  }
  if (start.find_first_not_of('\0') == std::string::npos) {
    return "begins with zeros: its writer did not finish, or a copy was cut";
  }
  return "not an HDF5 file; needed: a shard (docs/file-formats.md), which `nextframe data import` "
         "makes from other layouts";
}

/// HDF5 begins at byte 0, or at 512, 1024, 2048, ... behind a user block; -1: nowhere.
int64_t find_signature(std::ifstream& file, int64_t file_bytes) {
  constexpr std::array<char, 8> kSignature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
  for (int64_t place = 0; place < file_bytes; place = place == 0 ? 512 : 2 * place) {
    std::array<char, 8> start{};
    file.clear();
    file.seekg(place);
    file.read(start.data(), start.size());
    if (start == kSignature) return place;
  }
  return -1;
}

/// What a newer library, or a writer that died, leaves in the superblock.
void check_superblock(const std::string& path, std::ifstream& file, int64_t signature) {
  std::array<char, 4> fields{};  // version, bytes of an offset, bytes of a length, flags
  file.clear();
  file.seekg(signature + 8);
  file.read(fields.data(), fields.size());
  const auto version = static_cast<uint8_t>(fields[0]);
  if (version > kNewestSuperblock) {
    throw DataError(path + ": its HDF5 superblock has version " + std::to_string(version) +
                    ", and this program's HDF5 reads 0 to " + std::to_string(kNewestSuperblock) +
                    ": damaged, or written by a newer HDF5; in h5py, write it with "
                    "libver=('earliest', 'v110')");
  }
  if (version >= kFlagsFrom && (fields[3] & 5) != 0) {
    throw DataError(path +
                    ": is marked as open for writing: its writer is still running, or died before "
                    "it closed the file. If nothing writes to it any more, clear the mark with "
                    "`h5clear -s " +
                    path + "` (of the package hdf5-tools), then run `nextframe data verify`");
  }
}

/// The places where HDF5 would look for the file of an external link.
herr_t refuse_odd_targets(const char* parent, const char*, const char* target, const char*,
                          unsigned*, hid_t, void*) {
  const std::filesystem::path path(target);
  std::vector<std::filesystem::path> places{path, path.filename()};
  const auto folder = std::filesystem::path(parent).parent_path();
  places.push_back(folder / path);
  places.push_back(folder / path.filename());
  for (const auto& place : places) {
    std::error_code error;
    const auto status = std::filesystem::status(place, error);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return -1;
  }
  return 0;
}

/// ": it is a link to ..." for a name of the root that leads elsewhere, else "".
std::string link_target(const H5File& file, const std::string& name) {
  H5L_info_t info;
  if (H5Lget_info(file.get(), name.c_str(), &info, H5P_DEFAULT) < 0 ||
      (info.type != H5L_TYPE_SOFT && info.type != H5L_TYPE_EXTERNAL) ||
      info.u.val_size > kMaxAttributeBytes) {
    return "";
  }
  std::vector<char> value(info.u.val_size + 1, '\0');
  if (H5Lget_val(file.get(), name.c_str(), value.data(), info.u.val_size, H5P_DEFAULT) < 0) {
    return "";
  }
  if (info.type == H5L_TYPE_SOFT) return ": it is a link to '" + std::string(value.data()) + "'";
  const char *target = nullptr, *object = nullptr;
  if (H5Lunpack_elink_val(value.data(), info.u.val_size, nullptr, &target, &object) < 0) return "";
  return ": it is a link to '" + std::string(object) + "' in the file " + target;
}

/// An attribute that exists, with its type; its value only if it is a single one of sane size.
struct OpenAttribute {
  OpenAttribute(const H5File& file, const std::string& name, const std::string& object = ".")
      : attribute(H5Aopen_by_name(file.get(), object.c_str(), name.c_str(), H5P_DEFAULT,
                                  watched_links(H5P_LINK_ACCESS).get()),
                  "open the attribute '" + name + "'"),
        type(H5Aget_type(attribute.get()), "read the type of the attribute '" + name + "'"),
        element(describe_type(type)) {
    const H5Space space(H5Aget_space(attribute.get()), "read the extent of '" + name + "'");
    const auto class_of_space = H5Sget_simple_extent_type(space.get());
    const size_t bytes = H5Tget_size(type.get());
    const bool is_stored_whole =
        H5Tis_variable_str(type.get()) > 0 || H5Aget_storage_size(attribute.get()) == bytes;
    is_single = (class_of_space == H5S_SCALAR || class_of_space == H5S_SIMPLE) &&
                H5Sget_simple_extent_npoints(space.get()) == 1 && is_stored_whole &&
                bytes <= kMaxAttributeBytes;
  }
  H5Attribute attribute;
  H5Type type;
  ElementType element;
  bool is_single = false;
};

bool has_attribute(const H5File& file, const std::string& name, const std::string& object = ".") {
  return H5Aexists_by_name(file.get(), object.c_str(), name.c_str(),
                           watched_links(H5P_LINK_ACCESS).get()) > 0;
}

/// ASCII or UTF-8 as it is stored: HDF5 1.10 does not turn one into the other.
std::string read_variable_text(const OpenAttribute& from) {
  const H5Type type(H5Tcopy(H5T_C_S1), "copy the text type");
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5Tget_cset(from.type.get()));
  char* text = nullptr;
  check_h5(H5Aread(from.attribute.get(), type.get(), &text), "read a text attribute");
  std::string result = text != nullptr ? text : "";
  H5free_memory(text);
  return result;
}

std::string read_fixed_text(const OpenAttribute& from) {
  std::string text(static_cast<size_t>(from.element.bytes), '\0');
  check_h5(H5Aread(from.attribute.get(), from.type.get(), text.data()), "read a text attribute");
  return text.substr(0, text.find('\0'));
}

std::optional<std::string> text_of(const OpenAttribute& from) {
  if (!from.is_single || from.element.kind != ElementType::Kind::text) return std::nullopt;
  return H5Tis_variable_str(from.type.get()) > 0 ? read_variable_text(from) : read_fixed_text(from);
}

std::optional<double> number_of(const OpenAttribute& from) {
  const bool is_number = from.element.is_number() || from.element.kind == ElementType::Kind::choice;
  if (!from.is_single || !is_number) return std::nullopt;
  std::array<uint8_t, 8> bytes{};
  check_h5(H5Aread(from.attribute.get(), from.type.get(), bytes.data()), "read an attribute");
  return number_at(from.element, bytes.data());
}

std::string number_text(double value, const ElementType& type) {
  if (type.is_boolean()) return value != 0 ? "true" : "false";
  if (std::floor(value) == value && std::abs(value) < 1e15 &&
      type.kind != ElementType::Kind::floating) {
    return std::to_string(static_cast<int64_t>(value));
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.15g", value);
  return text.data();
}

}  // namespace

H5Lock::H5Lock() : lock_(h5_mutex()) {
  if (h5_depth++ == 0) guard_.emplace();
  // What HDF5 does at exit would be outside of the guard, and files are closed before.
  static const bool registered = H5dont_atexit() >= 0 && register_h5_filters();
  static_cast<void>(registered);                // without them, opening a column tells
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // the setting belongs to the thread
}

void H5Lock::unlock() {
  if (!lock_.owns_lock()) return;
  --h5_depth;
  guard_.reset();
  lock_.unlock();
}

H5Writing::H5Writing(const std::filesystem::path& path) {
  former_ = std::exchange(written_path, path);
  set_h5_subject(path.string());
}

H5Writing::~H5Writing() { written_path = former_; }

bool has_h5_failed_to_write() { return has_failed_to_write; }

void throw_h5_error(const std::string& what) {
  const auto reason = h5_reason();
  if (written_path.empty()) throw DataError("HDF5 cannot " + what + reason);
  has_failed_to_write = true;
  throw FileError("cannot write " + written_path.string() + reason);
}

void check_h5(herr_t status, const std::string& what) {
  if (status < 0) throw_h5_error(what);
}

std::string h5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_description, &reason);
  const std::string mark = "error message = '";  // the system's, amid numbers and addresses
  if (const auto at = reason.find(mark); at != std::string::npos) {
    const auto begin = at + mark.size();
    reason = reason.substr(begin, reason.find('\'', begin) - begin);
  }
  return reason.empty() ? "" : ": " + reason;
}

void check_h5_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) {
      throw DataError(name + ": cannot be opened: " + std::strerror(errno));
    }
    std::error_code error;
    const auto target = std::filesystem::read_symlink(path, error);
    throw DataError(name + (error ? ": no such file"
                                  : ": is a link to " + target.string() + ", which is not there"));
  }
  if (S_ISDIR(status.st_mode)) {
    throw DataError(name + ": is a folder; give a glob of files, for example '" + name + "/*.h5'");
  }
  if (!S_ISREG(status.st_mode)) {
    throw DataError(name + ": is a pipe, a socket or a device; needed: a regular file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(name + ": cannot be opened: " + std::strerror(errno));
  std::string start(64, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  const int64_t signature = find_signature(file, status.st_size);
  if (signature < 0) {
    const std::string reason = other_content(start);
    throw DataError(name + ": " + reason + (reason.find(';') == std::string::npos ? kRemake : ""));
  }
  check_superblock(name, file, signature);
}

H5File open_h5(const std::filesystem::path& path) {
  check_h5_file(path);
  const H5Lock lock;
  set_h5_subject(path.string());
  const H5PropertyList access(H5Pcreate(H5P_FILE_ACCESS), "create file access properties");
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access.get(), /*use_file_locking=*/false, /*ignore_when_disabled=*/true);
#endif
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  if (file < 0) {
    throw DataError(path.string() + ": HDF5 cannot open it" + h5_reason() +
                    ": it is truncated or damaged (" +
                    std::to_string(std::filesystem::file_size(path)) + " bytes)" + kRemake);
  }
  return H5File(file, "open " + path.string());
}

/// The newer of the formats that HDF5 1.10 knows has a checksum over every part of its metadata.
/// Attributes and columns stay in the root's header, because HDF5 crashes on damaged heaps, and no
/// time of writing is kept.
H5File create_h5(const std::filesystem::path& path) {
  const H5Writing writing(path);
  const H5PropertyList access(H5Pcreate(H5P_FILE_ACCESS), "create file access properties");
  const H5PropertyList creation(H5Pcreate(H5P_FILE_CREATE), "create file creation properties");
  check_h5(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110),
           "bound the file format");
  check_h5(H5Pset_attr_phase_change(creation.get(), 64, 32), "keep attributes together");
  check_h5(H5Pset_link_phase_change(creation.get(), 64, 32), "keep columns together");
  check_h5(H5Pset_obj_track_times(creation.get(), false), "leave times out");
  return H5File(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                "create " + path.string());
}

H5PropertyList watched_links(hid_t property_class) {
  H5PropertyList access(H5Pcreate(property_class), "create link access properties");
  check_h5(H5Pset_elink_cb(access.get(), refuse_odd_targets, nullptr), "watch external links");
  return access;
}

H5Dataset open_dataset(const H5File& file, const std::string& name) {
  const H5Lock lock;
  set_h5_subject(h5_path(file).string());
  const auto access = watched_links(H5P_DATASET_ACCESS);
  const hid_t dataset = H5Dopen2(file.get(), name.c_str(), access.get());
  if (dataset < 0) {
    const std::string reason = h5_reason();
    const std::string target = link_target(file, name);
    std::string advice;
    if (!target.empty()) {
      advice = "; put the target there, or store the column itself";
    } else if (reason != ": not a dataset") {
      advice = " (damaged, or of a newer HDF5; in h5py, write with libver=('earliest', 'v110'))";
    }
    throw DataError("HDF5 cannot open the column '" + name + "'" + target + reason + advice);
  }
  return H5Dataset(dataset, "open a column");
}

std::filesystem::path h5_path(const H5File& file) {
  const H5Lock lock;
  const ssize_t length = H5Fget_name(file.get(), nullptr, 0);
  std::string path(static_cast<size_t>(std::max<ssize_t>(length, 0)) + 1, '\0');
  H5Fget_name(file.get(), path.data(), path.size());
  path.pop_back();
  return path;
}

int64_t h5_file_bytes(const H5File& file) {
  return static_cast<int64_t>(std::filesystem::file_size(h5_path(file)));
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
  check_h5(H5Literate(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_link_name, &names),
           "list the columns");
  return names;
}

/// Of fixed length: HDF5 1.10 crashes on a damaged heap of variable-length text.
void write_attribute(const H5File& file, const std::string& name, const std::string& value) {
  const H5Lock lock;
  const H5Type type(H5Tcopy(H5T_C_S1), "copy the text type");
  H5Tset_size(type.get(), value.size() + 1);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  write_scalar(file, name, type.get(), value.c_str());
}

void write_attribute(const H5File& file, const std::string& name, int64_t value) {
  const H5Lock lock;
  write_scalar(file, name, H5T_NATIVE_INT64, &value);
}

std::optional<std::string> read_text_attribute(const H5File& file, const std::string& name,
                                               const std::string& object) {
  const H5Lock lock;
  return has_attribute(file, name, object) ? text_of({file, name, object}) : std::nullopt;
}

std::optional<double> read_number_attribute(const H5File& file, const std::string& name,
                                            const std::string& object) {
  const H5Lock lock;
  return has_attribute(file, name, object) ? number_of({file, name, object}) : std::nullopt;
}

std::string describe_attribute(const H5File& file, const std::string& name) {
  const H5Lock lock;
  if (!has_attribute(file, name)) return "no such attribute";
  const OpenAttribute attribute(file, name);
  if (const auto text = text_of(attribute)) return *text;
  if (const auto number = number_of(attribute)) return number_text(*number, attribute.element);
  return attribute.is_single ? attribute.element.name : "several of " + attribute.element.name;
}

std::vector<std::string> attribute_names(const H5File& file) {
  const H5Lock lock;
  std::vector<std::string> names;
  check_h5(
      H5Aiterate2(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute_name, &names),
      "list the attributes");
  return names;
}

}  // namespace nextframe
