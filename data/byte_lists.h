// A dataset whose elements are lists of bytes of varying length, such as pictures or videos that
// are stored as their files.
//
// HDF5 keeps such lists in global heaps, and its reader trusts the lengths that stand there. So the
// lists are found and fetched here, and every place and length is compared with the file's own
// length first (HDF5 File Format Specification 3.0, III.E: Global Heap).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "data/stored_rows.h"

namespace nextframe {

class ByteLists {
 public:
  /// Opens a dataset [N] of lists of uint8. Throws DataError without the file's name.
  ByteLists(const H5File& file, const std::string& name);

  int64_t size() const { return references_.num_rows(); }
  const StoredRows& references() const { return references_; }  // what stands in the heap's place

  /// The bytes of one list. Throws DamagedRows.
  std::string read(int64_t row) const;

 private:
  struct Place {
    int64_t length = 0, collection = 0, object = 0;  // collection: from the file's first byte
  };
  Place place_of(int64_t row) const;
  std::string bytes_at(int64_t offset, int64_t count, int64_t row) const;

  StoredRows references_;
  std::filesystem::path path_;
  int64_t file_bytes_ = 0, base_ = 0;  // base: bytes of the user block
};

}  // namespace nextframe
