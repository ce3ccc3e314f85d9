#include "data/byte_lists.h"

#include <c10/util/StringUtil.h>

#include <array>
#include <fstream>

namespace nextframe {
namespace {

constexpr int64_t kCollectionHeader = 16, kObjectHeader = 16;

int64_t little_endian(const std::string& bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value > static_cast<uint64_t>(INT64_MAX) ? INT64_MAX : static_cast<int64_t>(value);
}

int64_t user_block_of(const H5File& file) {
  const H5Lock lock;
  const H5PropertyList creation(H5Fget_create_plist(file.get()), "read how the file was made");
  hsize_t bytes = 0;
  check_h5(H5Pget_userblock(creation.get(), &bytes), "read the user block");
  return static_cast<int64_t>(bytes);
}

}  // namespace

ByteLists::ByteLists(const H5File& file, const std::string& name)
    : references_(StoredRows::of_byte_lists(file, name)),
      path_(h5_path(file)),
      file_bytes_(h5_file_bytes(file)),
      base_(user_block_of(file)) {
  if (references_.shape().size() == 1) return;
  throw DataError(c10::str("'", name, "' is lists of bytes [", c10::Join(", ", references_.shape()),
                           "]; needed: [N]"));
}

std::string ByteLists::bytes_at(int64_t offset, int64_t count, int64_t row) const {
  std::string bytes;
  if (offset >= 0 && count >= 0 && offset <= file_bytes_ && count <= file_bytes_ - offset) {
    bytes.resize(static_cast<size_t>(count));
    std::ifstream file(path_, std::ios::binary);
    file.seekg(offset);
    if (file.read(bytes.data(), count)) return bytes;
  }
  throw DamagedRows(c10::str("its list of bytes lies at ", offset, ", ", count,
                             " bytes, and the file has ", file_bytes_),
                    row, row + 1);
}

/// Length (4 bytes), address of the collection (8) and number of the object in it (4).
ByteLists::Place ByteLists::place_of(int64_t row) const {
  std::string bytes(16, '\0');
  references_.read(row, 1, 1, reinterpret_cast<uint8_t*>(bytes.data()));
  const int64_t address = little_endian(bytes, 4, 8);
  if (address > file_bytes_ - base_) {
    throw DamagedRows("its list of bytes was never written, or lies behind the file's end", row,
                      row + 1);
  }
  return {little_endian(bytes, 0, 4), address + base_, little_endian(bytes, 12, 4)};
}

std::string ByteLists::read(int64_t row) const {
  const Place place = place_of(row);
  if (place.length == 0) return "";
  const auto damaged = [&](const std::string& what) {
    throw DamagedRows("its list of bytes " + what, row, row + 1);
  };
  const auto header = bytes_at(place.collection, kCollectionHeader, row);
  if (!header.starts_with("GCOL\1")) damaged("is in no heap of this file");
  const int64_t end =
      place.collection + std::min(little_endian(header, 8, 8), file_bytes_ - place.collection);
  for (int64_t at = place.collection + kCollectionHeader; at + kObjectHeader <= end;) {
    const auto object = bytes_at(at, kObjectHeader, row);
    const int64_t number = little_endian(object, 0, 2), bytes = little_endian(object, 8, 8);
    if (number == 0 || bytes > end - at - kObjectHeader) break;  // free space, or damaged
    if (number == place.object) {
      if (place.length > bytes) damaged("is longer than its place in the heap");
      return bytes_at(at + kObjectHeader, place.length, row);
    }
    at += kObjectHeader + (bytes + 7) / 8 * 8;
  }
  damaged("is not in its heap");
  return "";
}

}  // namespace nextframe
