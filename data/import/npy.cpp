#include "data/import/npy.h"

#include <ATen/ATen.h>

#include <map>

#include "data/error.h"

namespace nextframe {
namespace {

/// What follows `'key':` in the header's Python dictionary.
std::string value_of(const std::string& text, const std::string& key) {
  const auto found = text.find("'" + key + "':");
  if (found == std::string::npos) throw DataError("an .npy header without '" + key + "'");
  return text.substr(text.find_first_not_of(' ', found + key.size() + 3));
}

/// "(3, 4), ..." or "(3,), ..." or "(), ...".
std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  const std::string inside = text.substr(1, text.find(')') - 1);
  for (size_t at = inside.find_first_of("0123456789"); at != std::string::npos;) {
    size_t digits = 0;
    shape.push_back(std::stoll(inside.substr(at), &digits));
    at = inside.find_first_of("0123456789", at + digits);
  }
  return shape;
}

at::ScalarType tensor_type(const std::string& type) {
  static const std::map<std::string, at::ScalarType> kTypes{
      {"|b1", at::kByte},  {"|u1", at::kByte},   {"|i1", at::kChar},
      {"<i2", at::kShort}, {"<i4", at::kInt},    {"<i8", at::kLong},
      {"<f4", at::kFloat}, {"<f8", at::kDouble}, {"<u2", at::kUInt16}};
  const auto found = kTypes.find(type);
  if (found != kTypes.end()) return found->second;
  throw DataError("an array of type '" + type +
                  "'; needed: integers, booleans, float32 or float64");
}

}  // namespace

NpyHeader read_npy_header(ZipStream& stream) {
  std::string start(8, '\0');
  stream.read(start.data(), start.size());
  if (!start.starts_with("\x93NUMPY")) throw DataError("a member that is no .npy array");
  const size_t length_bytes = start[6] == 1 ? 2 : 4;
  uint32_t length = 0;
  stream.read(&length, length_bytes);  // little-endian, as this machine
  std::string text(length, '\0');
  stream.read(text.data(), text.size());
  const std::string type = value_of(text, "descr");
  if (!value_of(text, "fortran_order").starts_with("False")) {
    throw DataError("an array in Fortran order; save np.ascontiguousarray(array)");
  }
  return {type.substr(1, type.find('\'', 1) - 1), parse_shape(value_of(text, "shape"))};
}

at::Tensor read_npy(ZipStream& stream, const NpyHeader& header) {
  const at::Tensor values = at::empty(header.shape, at::TensorOptions(tensor_type(header.type)));
  stream.read(values.data_ptr(), values.nbytes());
  return values.to(values.is_floating_point() ? at::kFloat : at::kLong);
}

}  // namespace nextframe
