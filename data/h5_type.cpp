#include "data/h5_type.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace nextframe {
namespace {

using ElementKind = ElementType::Kind;

constexpr int kMaxMembers = 65536;

bool is_whole_bytes(hid_t type) {
  const size_t bytes = H5Tget_size(type);
  const auto order = H5Tget_order(type);
  return (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) &&
         (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && H5Tget_precision(type) == 8 * bytes &&
         H5Tget_offset(type) == 0;
}

bool is_ieee(hid_t type) {
  size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  if (!is_whole_bytes(type) || H5Tget_norm(type) != H5T_NORM_IMPLIED ||
      H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) {
    return false;
  }
  const std::array<size_t, 6> got{sign,     exponent,      exponent_bits,
                                  mantissa, mantissa_bits, H5Tget_ebias(type)};
  switch (H5Tget_size(type)) {
    case 2:
      return got == std::array<size_t, 6>{15, 10, 5, 0, 10, 15};
    case 4:
      return got == std::array<size_t, 6>{31, 23, 8, 0, 23, 127};
    case 8:
      return got == std::array<size_t, 6>{63, 52, 11, 0, 52, 1023};
    default:
      return false;
  }
}

void describe_integer(hid_t type, ElementType& element) {
  element.is_signed = H5Tget_sign(type) != H5T_SGN_NONE;
  element.is_big_endian = H5Tget_order(type) == H5T_ORDER_BE;
  element.name = (element.is_signed ? "int" : "uint") + std::to_string(8 * element.bytes);
}

std::string member_name(hid_t type, unsigned member) {
  char* text = H5Tget_member_name(type, member);
  std::string name = text != nullptr ? text : "";
  H5free_memory(text);
  return name;
}

/// True if the base is an integer and no value comes twice.
bool describe_enum(hid_t type, ElementType& element) {
  const H5Type base(H5Tget_super(type), "read the base of an enum");
  const int count = H5Tget_nmembers(type);
  if (H5Tget_class(base.get()) != H5T_INTEGER || !is_whole_bytes(base.get()) ||
      H5Tget_size(base.get()) != static_cast<size_t>(element.bytes) || count < 1 ||
      count > kMaxMembers) {
    return false;
  }
  describe_integer(base.get(), element);
  std::vector<std::pair<int64_t, std::string>> members;
  for (unsigned m = 0; m < static_cast<unsigned>(count); ++m) {
    std::array<uint8_t, 8> bytes{};
    if (H5Tget_member_value(type, m, bytes.data()) < 0) return false;
    members.emplace_back(integer_at(element, bytes.data()).value_or(-1), member_name(type, m));
  }
  std::sort(members.begin(), members.end());
  for (auto& [value, name] : members) {
    if (!element.member_values.empty() && element.member_values.back() == value) return false;
    element.member_values.push_back(value);
    element.member_names.push_back(std::move(name));
  }
  return true;
}

uint64_t bits_at(const ElementType& type, const uint8_t* bytes) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < type.bytes; ++i) {
    const int64_t place = type.is_big_endian ? i : type.bytes - 1 - i;
    bits = bits << 8 | bytes[place];
  }
  return bits;
}

template <class To, class From>
To same_bits(From bits) {
  To value;
  static_assert(sizeof(To) == sizeof(From));
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

bool ElementType::is_boolean() const {
  return kind == Kind::choice && bytes == 1 &&
         member_names == std::vector<std::string>{"FALSE", "TRUE"} &&
         member_values == std::vector<int64_t>{0, 1};
}

ElementType describe_type(const H5Type& type) {
  ElementType element;
  element.bytes = static_cast<int64_t>(H5Tget_size(type.get()));
  const std::string bits = std::to_string(8 * element.bytes);
  element.name = "a type of " + std::to_string(element.bytes) + " bytes";
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      describe_integer(type.get(), element);
      if (is_whole_bytes(type.get())) element.kind = ElementKind::integer;
      break;
    case H5T_FLOAT:
      element.is_big_endian = H5Tget_order(type.get()) == H5T_ORDER_BE;
      element.name = "float" + bits;
      if (is_ieee(type.get())) element.kind = ElementKind::floating;
      break;
    case H5T_ENUM:
      if (describe_enum(type.get(), element)) element.kind = ElementKind::choice;
      element.name = element.is_boolean() ? "bool" : "enum " + element.name;
      break;
    case H5T_STRING:
      element.kind = ElementKind::text;
      element.name = "text";
      break;
    case H5T_COMPOUND:
      element.name = "compound";
      break;
    case H5T_VLEN:
      element.name = "lists of varying length";
      break;
    case H5T_ARRAY:
      element.name = "arrays";
      break;
    case H5T_REFERENCE:
      element.name = "references";
      break;
    default:
      break;
  }
  return element;
}

std::optional<int64_t> integer_at(const ElementType& type, const uint8_t* bytes) {
  const uint64_t bits = bits_at(type, bytes);
  if (!type.is_signed) {
    if (bits > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<int64_t>(bits);
  }
  const auto unused = static_cast<int>(64 - 8 * type.bytes);
  return static_cast<int64_t>(bits << unused) >> unused;
}

double number_at(const ElementType& type, const uint8_t* bytes) {
  const uint64_t bits = bits_at(type, bytes);
  if (type.kind != ElementKind::floating) {
    const auto value = integer_at(type, bytes);
    return value ? static_cast<double>(*value) : static_cast<double>(bits);
  }
  if (type.bytes == 8) return same_bits<double>(bits);
  if (type.bytes == 4) return same_bits<float>(static_cast<uint32_t>(bits));
  return c10::Half(static_cast<uint16_t>(bits), c10::Half::from_bits());
}

std::optional<int64_t> member_of(const ElementType& type, int64_t value) {
  const auto& values = type.member_values;
  const auto found = std::lower_bound(values.begin(), values.end(), value);
  if (found == values.end() || *found != value) return std::nullopt;
  return found - values.begin();
}

}  // namespace nextframe
