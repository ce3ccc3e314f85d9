// NumPy's arrays by their names: the members of an .npz, or the only array of an .npy.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/import/npy.h"
#include "data/import/zip_file.h"

namespace nextframe {

class ArrayFile {
 public:
  /// Reads the headers of all arrays. Throws DataError that names the file if it is none.
  explicit ArrayFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  bool is_npy() const { return !archive_; }
  /// Of all arrays of numbers; the array of an .npy is called "frames".
  const std::map<std::string, NpyHeader>& arrays() const { return headers_; }
  bool has(const std::string& name) const { return headers_.contains(name); }
  /// Why an array that is there cannot be read, or "".
  std::string problem_of(const std::string& name) const;
  /// "image uint8 [41, 64, 64, 3], action float32 [41, 9]".
  std::string list() const;

  /// At the array's first number.
  ZipStream open(const std::string& name) const;
  /// The whole array, see read_npy.
  at::Tensor read(const std::string& name) const;
  /// An array that is one text; nothing if there is no such array.
  std::optional<std::string> read_text(const std::string& name) const;

 private:
  std::filesystem::path path_;
  std::optional<ZipFile> archive_;
  std::map<std::string, NpyHeader> headers_;
  std::map<std::string, std::string> problems_;
};

}  // namespace nextframe
