// What an element of an HDF5 dataset or attribute is: asked and checked before anything is read,
// and turned into numbers by us, so that HDF5 converts nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/h5.h"

namespace nextframe {

struct ElementType {
  enum class Kind { integer, floating, choice, text, other };
  Kind kind = Kind::other;
  std::string name;  // "int8", "float32", "bool", "enum int32", "text", ...
  int64_t bytes = 0;
  bool is_signed = false, is_big_endian = false;  // of integers, floats, and of an enum's base
  std::vector<int64_t> member_values;             // of an enum, ascending
  std::vector<std::string> member_names;          // in the order of the values

  bool is_number() const { return kind == Kind::integer || kind == Kind::floating; }
  bool is_boolean() const;  // an enum of FALSE = 0 and TRUE = 1, as h5py writes them
};

/// Integers of 1, 2, 4 or 8 whole bytes, IEEE floats of 2, 4 or 8, enums of such integers, and text
/// have their kind; everything else is `other`. Call it under H5Lock.
ElementType describe_type(const H5Type& type);

/// The element at `bytes`, of an integer or an enum; nothing if it is above the largest int64.
std::optional<int64_t> integer_at(const ElementType& type, const uint8_t* bytes);

/// The element at `bytes`, of an integer, an enum or a float.
double number_at(const ElementType& type, const uint8_t* bytes);

/// The place of an enum's value among its members, or nothing.
std::optional<int64_t> member_of(const ElementType& type, int64_t value);

}  // namespace nextframe
