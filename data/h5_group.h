// What an HDF5 file holds below its root: groups, the datasets in them, and their shapes.
#pragma once

#include <string>
#include <vector>

#include "data/h5.h"
#include "data/h5_type.h"

namespace nextframe {

enum class H5Kind { nothing, group, dataset, other };

/// What stands at a path such as "data/demo_0/obs", through links; `nothing` where a part is
/// absent.
H5Kind h5_kind(const H5File& file, const std::string& path);

/// The names in a group ("" or "." for the root) in natural order: demo_2 before demo_10. Throws
/// DataError without the file's name.
std::vector<std::string> h5_names_in(const H5File& file, const std::string& group);

/// Those that are groups, or only those that begin with `prefix`.
std::vector<std::string> h5_groups_in(const H5File& file, const std::string& group,
                                      const std::string& prefix = "");

/// A dataset that was looked at and not opened for reading.
struct H5Entry {
  std::string path;  // from where one has looked: "obs/agentview_image"
  ElementType type;
  std::vector<int64_t> shape;
  bool has_byte_lists = false;  // an element is a list of bytes, such as a JPEG picture

  /// "obs/agentview_image uint8 [40, 84, 84, 3]".
  std::string describe() const;
};

/// What a dataset is. Throws DataError if it cannot be opened.
H5Entry look_at_dataset(const H5File& file, const std::string& path);

/// Every dataset in a group and in the groups below it, at most four deep and 256 in all. A `path`
/// that is a dataset itself is the only one, with the path "".
std::vector<H5Entry> datasets_below(const H5File& file, const std::string& path);

/// A path and a name below it; either may be "".
std::string h5_join(const std::string& path, const std::string& name);

/// A list of texts of fixed length [N], as NumPy's type S. Throws DataError without the file's
/// name.
std::vector<std::string> read_texts(const H5File& file, const std::string& path);

}  // namespace nextframe
