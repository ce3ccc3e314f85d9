#include "data/h5_group.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "data/import/natural_order.h"
#include "data/stored_rows.h"

namespace nextframe {
namespace {

constexpr int kMostGroupsDeep = 4;
constexpr size_t kMostListed = 256;

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

/// A variable-length list of unsigned bytes.
bool is_byte_list(const H5Type& type) {
  if (H5Tget_class(type.get()) != H5T_VLEN) return false;
  const H5Type element(H5Tget_super(type.get()), "read the type of a list");
  return H5Tget_class(element.get()) == H5T_INTEGER && H5Tget_size(element.get()) == 1;
}

void list_datasets(const H5File& file, const std::string& base, const std::string& below, int depth,
                   std::vector<H5Entry>& found) {
  for (const auto& name : h5_names_in(file, h5_join(base, below))) {
    const auto relative = h5_join(below, name);
    const auto kind = h5_kind(file, h5_join(base, relative));
    if (kind == H5Kind::group && depth > 1) list_datasets(file, base, relative, depth - 1, found);
    if (kind == H5Kind::dataset && found.size() < kMostListed) {
      found.push_back(look_at_dataset(file, h5_join(base, relative)));
      found.back().path = relative;
    }
  }
}

}  // namespace

std::string h5_join(const std::string& path, const std::string& name) {
  if (path.empty() || name.empty()) return path + name;
  return path + "/" + name;
}

std::string H5Entry::describe() const {
  return c10::str(path, " ", has_byte_lists ? "lists of bytes" : type.name, " [",
                  c10::Join(", ", shape), "]");
}

/// Asked part by part, because HDF5 fails where a part is absent.
H5Kind h5_kind(const H5File& file, const std::string& path) {
  const H5Lock lock;
  set_h5_subject(h5_path(file).string());
  if (path.empty() || path == ".") return H5Kind::group;
  const auto links = watched_links(H5P_LINK_ACCESS);
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const auto part = path.substr(0, end);
    if (H5Lexists(file.get(), part.c_str(), links.get()) <= 0 ||
        H5Oexists_by_name(file.get(), part.c_str(), links.get()) <= 0) {
      return H5Kind::nothing;
    }
  }
  H5O_info_t info;
  if (H5Oget_info_by_name2(file.get(), path.c_str(), &info, H5O_INFO_BASIC, links.get()) < 0) {
    return H5Kind::nothing;
  }
  if (info.type == H5O_TYPE_GROUP) return H5Kind::group;
  return info.type == H5O_TYPE_DATASET ? H5Kind::dataset : H5Kind::other;
}

std::vector<std::string> h5_names_in(const H5File& file, const std::string& group) {
  const H5Lock lock;
  set_h5_subject(h5_path(file).string());
  std::vector<std::string> names;
  check_h5(H5Literate_by_name(file.get(), group.empty() ? "." : group.c_str(), H5_INDEX_NAME,
                              H5_ITER_INC, nullptr, collect_name, &names,
                              watched_links(H5P_LINK_ACCESS).get()),
           "list what is in '" + group + "'");
  std::sort(names.begin(), names.end(), is_naturally_before);
  return names;
}

std::vector<std::string> h5_groups_in(const H5File& file, const std::string& group,
                                      const std::string& prefix) {
  auto names = h5_names_in(file, group);
  std::erase_if(names, [&](const auto& name) {
    return !name.starts_with(prefix) || h5_kind(file, h5_join(group, name)) != H5Kind::group;
  });
  return names;
}

H5Entry look_at_dataset(const H5File& file, const std::string& path) {
  const H5Lock lock;
  const H5Dataset dataset = open_dataset(file, path);
  const H5Type type(H5Dget_type(dataset.get()), "read the type of '" + path + "'");
  H5Entry entry{path, describe_type(type), {}, is_byte_list(type)};
  for (const hsize_t extent : h5_shape(dataset)) {
    entry.shape.push_back(static_cast<int64_t>(std::min<hsize_t>(extent, INT64_MAX)));
  }
  return entry;
}

std::vector<H5Entry> datasets_below(const H5File& file, const std::string& path) {
  std::vector<H5Entry> found;
  const auto kind = h5_kind(file, path);
  if (kind == H5Kind::group) list_datasets(file, path, "", kMostGroupsDeep, found);
  if (kind == H5Kind::dataset) {
    found.push_back(look_at_dataset(file, path));
    found.back().path.clear();
  }
  return found;
}

std::vector<std::string> read_texts(const H5File& file, const std::string& path) {
  const auto rows = StoredRows::of_texts(file, path);
  if (rows.shape().size() != 1) {
    throw DataError(c10::str("'", path, "' is text [", c10::Join(", ", rows.shape()),
                             "]; needed: a list of names [N]"));
  }
  const auto length = static_cast<size_t>(rows.row_bytes());
  const int64_t at_once = rows.rows_at_once(1 << 20);
  std::vector<std::string> texts;
  std::vector<uint8_t> bytes;
  for (int64_t first = 0; first < rows.num_rows(); first += at_once) {
    const int64_t count = std::min(at_once, rows.num_rows() - first);
    bytes.resize(static_cast<size_t>(count) * length);
    try {
      rows.read(first, count, 1, bytes.data());
    } catch (const DamagedRows& damage) {
      throw DataError("'" + path + "': " + damage.what() + "; copy or make the file again");
    }
    for (int64_t i = 0; i < count; ++i) {
      const auto* begin =
          reinterpret_cast<const char*>(bytes.data()) + static_cast<size_t>(i) * length;
      texts.emplace_back(begin, std::find(begin, begin + length, '\0'));
    }
  }
  return texts;
}

}  // namespace nextframe
