// A value as written in YAML, and its strict parsing into the types of config fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/problems.h"

namespace nextframe {

struct Value {
  enum class Kind { nothing, scalar, list, map };

  Kind kind = Kind::nothing;
  std::string text;          // of a scalar
  bool quoted = false;       // '8' is text, 8 is a number
  std::string tag;           // "!!int" and the like, which are rejected
  std::vector<Value> items;  // of a list
  Place place;
};

/// A key with its value: "trainer.steps".
struct Assignment {
  std::string key;
  Place key_place;
  Value value;
};

/// Parses `value` into `result`. Returns "", or what is wrong: "needs an integer, got 'x'".
/// For a wrong item of a list, `place` becomes that of the item.
std::string read_value(const Value& value, bool& result, Place& place);
std::string read_value(const Value& value, int64_t& result, Place& place);
std::string read_value(const Value& value, double& result, Place& place);
std::string read_value(const Value& value, std::string& result, Place& place);
std::string read_value(const Value& value, std::vector<int64_t>& result, Place& place);
std::string read_value(const Value& value, std::vector<std::string>& result, Place& place);

/// The value as one line of YAML that parses back to the same value.
std::string written(bool value);
std::string written(int64_t value);
std::string written(double value);
std::string written(const std::string& value);
std::string written(const std::vector<int64_t>& value);
std::string written(const std::vector<std::string>& value);

}  // namespace nextframe
