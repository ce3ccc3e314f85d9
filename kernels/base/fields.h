// Lists the fields of a config struct once, for YAML, overrides, printing, the JSON Schema and the
// docs.
//
//   struct LoaderConfig {
//     int64_t threads = 2;
//     void fields(FieldVisitor& field) { field.free("threads", threads, "reader threads a rank"); }
//     void check(const Report& report) const { if (threads < 0) report("threads", "must be 0 or
//     more"); }
//   };
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nextframe {

/// Whether a field changes a run's numbers. Only a difference in identity fields needs --fork.
enum class FieldTag { identity, free };

struct FieldInfo {
  const char* name;
  const char* help;  // one line, with the unit
  FieldTag tag = FieldTag::identity;
  std::vector<std::string> choices;  // of a text field; empty means any
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

  /// Names a field that may change between two starts of one run.
  template <class T>
  void free(const char* name, T& value, const char* help, std::vector<std::string> choices = {}) {
    visit({name, help, FieldTag::free, std::move(choices)}, value);
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
