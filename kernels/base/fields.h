// Lists the fields of a config struct once, for YAML, overrides, bounds, printing, the JSON Schema
// and the docs.
//
//   struct LoaderConfig {
//     int64_t threads = 2;
//     void fields(FieldVisitor& field) {
//       field.free("threads", threads, "reader threads a rank", Range{0, 256});
//     }
//     void check(const Report& report) const {}  // what one field cannot know alone
//   };
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace nextframe {

/// Whether a field changes a run's numbers. Only a difference in identity fields needs --fork.
enum class FieldTag { identity, free };

/// The numbers that a field may hold. Every numeric field has both ends, so that no value asks a
/// machine for more than any machine has.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  const char* reason = "";      // why it must not be less, for the message
  bool excludes_least = false;  // such as "more than 0"
  bool excludes_most = false;

  static Range above(double least, double most) { return {least, most, "", true, false}; }
  static Range below(double least, double most) { return {least, most, "", false, true}; }

  bool is_too_small(double value) const {
    return std::isnan(value) || (excludes_least ? value <= least : value < least);
  }
  bool is_too_large(double value) const { return excludes_most ? value >= most : value > most; }
};

struct FieldInfo {
  const char* name;
  const char* help;  // one line, with the unit
  FieldTag tag = FieldTag::identity;
  std::vector<std::string> choices = {};  // of a text field; empty means any
  Range range = {};                       // of a number, or of each number of a list
};

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  /// Names a field whose value is part of the run's identity.
  template <class T>
  void operator()(const char* name, T& value, const char* help,
                  std::vector<std::string> choices = {}) {
    visit({name, help, FieldTag::identity, std::move(choices)}, value);
  }
  template <class T>
  void operator()(const char* name, T& value, const char* help, Range range) {
    visit({name, help, FieldTag::identity, {}, range}, value);
  }

  /// Names a field that may change between two starts of one run.
  template <class T>
  void free(const char* name, T& value, const char* help, std::vector<std::string> choices = {}) {
    visit({name, help, FieldTag::free, std::move(choices)}, value);
  }
  template <class T>
  void free(const char* name, T& value, const char* help, Range range) {
    visit({name, help, FieldTag::free, {}, range}, value);
  }

 private:
  virtual void visit(const FieldInfo& info, bool& value) = 0;
  virtual void visit(const FieldInfo& info, int64_t& value) = 0;
  virtual void visit(const FieldInfo& info, double& value) = 0;
  virtual void visit(const FieldInfo& info, std::string& value) = 0;
  virtual void visit(const FieldInfo& info, std::vector<int64_t>& value) = 0;
  virtual void visit(const FieldInfo& info, std::vector<std::string>& value) = 0;
};

/// Reports one problem of a config struct: the field's name, and what is wrong with its value.
using Report = std::function<void(const std::string& field, const std::string& problem)>;

}  // namespace nextframe
