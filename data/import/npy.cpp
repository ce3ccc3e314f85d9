#include "data/import/npy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "data/error.h"

namespace nextframe {
namespace {

constexpr size_t kMostHeaderBytes = 65536, kMostDimensions = 8;

/// What follows `'key':` in the header's Python dictionary.
std::string_view value_of(std::string_view text, const std::string& key) {
  const auto found = text.find("'" + key + "':");
  if (found == std::string_view::npos) throw DataError("an .npy header without '" + key + "'");
  text.remove_prefix(found + key.size() + 3);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

/// "(3, 4), ..." or "(3,), ..." or "(), ...".
std::vector<int64_t> parse_shape(std::string_view text) {
  const auto inside = text.substr(0, text.find(')'));
  const auto refuse = [&] {
    throw DataError("an .npy header whose shape is '" + std::string(inside.substr(0, 80)) + "'");
  };
  if (!inside.starts_with('(') || inside.size() == text.size()) refuse();
  std::vector<int64_t> shape;
  for (const char* at = inside.data() + 1; at < inside.data() + inside.size();) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    int64_t size = 0;
    const auto [rest, error] = std::from_chars(at, inside.data() + inside.size(), size);
    if (error != std::errc() || size < 0 || shape.size() == kMostDimensions) refuse();
    shape.push_back(size);
    at = rest;
  }
  return shape;
}

std::string parse_type(std::string_view text) {
  const auto end = text.find('\'', 1);
  if (!text.starts_with('\'') || end == std::string_view::npos) {
    throw DataError("an array of records or objects; needed: one number an element");
  }
  return std::string(text.substr(1, end - 1));
}

at::ScalarType tensor_type(const std::string& type) {
  static const std::map<std::string, at::ScalarType> kTypes{
      {"|b1", at::kByte},   {"|u1", at::kByte}, {"|i1", at::kChar},  {"<i2", at::kShort},
      {"<i4", at::kInt},    {"<i8", at::kLong}, {"<f4", at::kFloat}, {"<f8", at::kDouble},
      {"<u2", at::kUInt16}, {"<f2", at::kHalf}};
  const auto found = kTypes.find(type);
  if (found != kTypes.end()) return found->second;
  throw DataError("an array of type '" + type +
                  "'; needed: integers, booleans, float32 or float64");
}

/// Bytes of an array, or nothing where they are more than `most`.
std::optional<uint64_t> array_bytes(const std::vector<int64_t>& shape, uint64_t item_bytes,
                                    uint64_t most) {
  uint64_t bytes = item_bytes;
  for (const int64_t size : shape) {
    if (size == 0) return 0;
    if (bytes > most / static_cast<uint64_t>(size)) return std::nullopt;
    bytes *= static_cast<uint64_t>(size);
  }
  return bytes;
}

}  // namespace

namespace {

std::string read_header_text(ZipStream& stream) {
  std::string start(8, '\0');
  stream.read(start.data(), start.size());
  if (!start.starts_with("\x93NUMPY")) throw DataError("a member that is no .npy array");
  const size_t length_bytes = start[6] == 1 ? 2 : 4;
  uint32_t length = 0;
  stream.read(&length, length_bytes);  // little-endian, as this machine
  if (length > kMostHeaderBytes) {
    throw DataError(
        c10::str("an .npy header of ", length, " bytes; the most is ", kMostHeaderBytes));
  }
  std::string text(length, '\0');
  stream.read(text.data(), text.size());
  return text;
}

}  // namespace

NpyHeader read_npy_header(ZipStream& stream) {
  const std::string text = read_header_text(stream);
  if (!value_of(text, "fortran_order").starts_with("False")) {
    throw DataError("an array in Fortran order; save np.ascontiguousarray(array)");
  }
  NpyHeader header{parse_type(value_of(text, "descr")), parse_shape(value_of(text, "shape"))};
  const auto item_bytes = c10::elementSize(tensor_type(header.type));
  const auto bytes = array_bytes(header.shape, item_bytes, stream.bytes_left());
  if (bytes != stream.bytes_left()) {
    throw DataError(c10::str("an array of '", header.type, "' [", c10::Join(", ", header.shape),
                             "] in ", stream.bytes_left(), " bytes"));
  }
  return header;
}

std::string read_npy_text(ZipStream& stream) {
  const std::string header = read_header_text(stream);
  const auto type = parse_type(value_of(header, "descr"));
  const auto shape = parse_shape(value_of(header, "shape"));
  if (!type.starts_with("<U") || !shape.empty() || stream.bytes_left() > kMostHeaderBytes) {
    throw DataError(
        c10::str("an array of type '", type, "' [", c10::Join(", ", shape), "]; needed: one text"));
  }
  std::u32string letters(stream.bytes_left() / sizeof(char32_t), U' ');
  stream.read(letters.data(), letters.size() * sizeof(char32_t));
  std::string text;
  for (const char32_t c : letters) {
    if (c != 0) text += c >= U' ' && c < 0x7f ? static_cast<char>(c) : '?';
  }
  return text;
}

at::ScalarType element_type(const NpyHeader& header) { return tensor_type(header.type); }

std::string describe(const NpyHeader& header) {
  static const std::map<std::string, std::string> kNames{
      {"|b1", "bool"},    {"|u1", "uint8"},  {"|i1", "int8"},  {"<i2", "int16"},
      {"<u2", "uint16"},  {"<i4", "int32"},  {"<i8", "int64"}, {"<f2", "float16"},
      {"<f4", "float32"}, {"<f8", "float64"}};
  const auto found = kNames.find(header.type);
  return (found == kNames.end() ? header.type : found->second) + " [" +
         c10::str(c10::Join(", ", header.shape)) + "]";
}

at::Tensor read_npy(ZipStream& stream, const NpyHeader& header) {
  const at::Tensor values = at::empty(header.shape, at::TensorOptions(tensor_type(header.type)));
  stream.read(values.data_ptr(), values.nbytes());
  return values.to(values.is_floating_point() ? at::kFloat : at::kLong);
}

}  // namespace nextframe
