#include "trainer/export/npz.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <bit>
#include <limits>

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint16_t kZipVersion = 20;        // 2.0
constexpr uint16_t kFirstZipDate = 0x0021;  // 1980-01-01: the same arrays give the same bytes
constexpr size_t kNpyAlignment = 64;

const char* npy_type(at::ScalarType type) {
  switch (type) {
    case at::kByte:
      return "|u1";
    case at::kLong:
      return "<i8";
    case at::kFloat:
      return "<f4";
    default:
      TORCH_INTERNAL_ASSERT(false, "npz: no type for ", type);
  }
}

template <class Number>
void append_number(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

std::string encode_npy(const at::Tensor& tensor) {
  auto header = c10::str("{'descr': '", npy_type(tensor.scalar_type()),
                         "', 'fortran_order': False, 'shape': (", c10::Join(", ", tensor.sizes()),
                         tensor.dim() == 1 ? ",), }" : "), }");
  constexpr size_t kBeforeHeader = 10;
  const size_t unpadded = kBeforeHeader + header.size() + 1;
  header.append((kNpyAlignment - unpadded % kNpyAlignment) % kNpyAlignment, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  append_number(bytes, static_cast<uint16_t>(header.size()));
  const auto numbers = tensor.contiguous();
  return bytes.append(header).append(static_cast<const char*>(numbers.const_data_ptr()),
                                     numbers.nbytes());
}

/// What the local header of a member and its entry in the directory have in common.
std::string zip_fields(const std::string& name, const std::string& content) {
  std::string fields;
  append_number(fields, kZipVersion);
  append_number(fields, uint16_t{0});  // flags
  append_number(fields, uint16_t{0});  // stored
  append_number(fields, uint16_t{0});  // time
  append_number(fields, kFirstZipDate);
  const auto* const bytes = reinterpret_cast<const Bytef*>(content.data());
  append_number(fields, static_cast<uint32_t>(crc32_z(0, bytes, content.size())));
  append_number(fields, static_cast<uint32_t>(content.size()));
  append_number(fields, static_cast<uint32_t>(content.size()));
  append_number(fields, static_cast<uint16_t>(name.size()));
  append_number(fields, uint16_t{0});  // extra fields
  return fields;
}

std::string zip_directory_entry(const std::string& name, const std::string& fields, size_t offset) {
  std::string entry = "PK\x01\x02";
  append_number(entry, kZipVersion);
  entry += fields;
  append_number(entry, uint16_t{0});  // comment
  append_number(entry, uint16_t{0});  // disk
  append_number(entry, uint16_t{0});  // attributes
  append_number(entry, uint32_t{0});
  append_number(entry, static_cast<uint32_t>(offset));
  return entry + name;
}

}  // namespace

std::string encode_npz(const std::vector<std::pair<std::string, at::Tensor>>& arrays) {
  size_t total = 0;
  for (const auto& [name, tensor] : arrays) total += tensor.nbytes();
  if (total > std::numeric_limits<uint32_t>::max() - (1 << 20)) {
    throw UsageError(c10::str("npz: arrays of ", total,
                              " bytes; at most 4 GiB fit: ", "ask for fewer episodes or frames"));
  }
  std::string file, directory;
  for (const auto& [array, tensor] : arrays) {
    const auto name = array + ".npy", content = encode_npy(tensor);
    const auto fields = zip_fields(name, content);
    directory += zip_directory_entry(name, fields, file.size());
    file.append("PK\x03\x04").append(fields).append(name).append(content);
  }
  const auto directory_offset = static_cast<uint32_t>(file.size());
  file += directory;
  file += "PK\x05\x06";
  append_number(file, uint32_t{0});  // disks
  append_number(file, static_cast<uint16_t>(arrays.size()));
  append_number(file, static_cast<uint16_t>(arrays.size()));
  append_number(file, static_cast<uint32_t>(directory.size()));
  append_number(file, directory_offset);
  append_number(file, uint16_t{0});  // comment
  return file;
}

}  // namespace nextframe
