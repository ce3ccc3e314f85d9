// Fills a config struct from the values that were written for it, as a visitor of its fields.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "trainer/config/config.h"
#include "trainer/config/value.h"

namespace nextframe {

/// For each key, the assignment with the highest precedence.
using Assignments = std::map<std::string, Assignment>;

/// Reads one section's fields. A value that does not fit is reported as a problem, and the field
/// keeps its default.
class FieldReader final : public FieldVisitor {
 public:
  FieldReader(std::string section, const Assignments& assignments, Problems& problems,
              std::vector<ResolvedField>& resolved)
      : section_(std::move(section)),
        assignments_(assignments),
        problems_(problems),
        resolved_(resolved) {}

  /// Keys whose value did not fit, so that later checks do not complain about their defaults.
  const std::set<std::string>& failed_keys() const { return failed_keys_; }

 private:
  void visit(const FieldInfo& info, bool& value) override;
  void visit(const FieldInfo& info, int64_t& value) override;
  void visit(const FieldInfo& info, double& value) override;
  void visit(const FieldInfo& info, std::string& value) override;
  void visit(const FieldInfo& info, std::vector<int64_t>& value) override;
  void visit(const FieldInfo& info, std::vector<std::string>& value) override;

  template <class T>
  void read(const FieldInfo& info, T& value);

  std::string section_;
  const Assignments& assignments_;
  Problems& problems_;
  std::vector<ResolvedField>& resolved_;
  std::set<std::string> failed_keys_;
};

/// What is wrong with a number's size: "must be at most 1024", or "".
std::string range_problem(double value, const Range& range);

/// The numbers of a range, for people: "1 to 1024", "more than 0, at most 1", "" for any.
std::string describe(const Range& range);

/// What is wrong with `value` as one of `choices`: "= x is not one of a, b; did you mean 'b'?", or
/// "".
std::string choice_problem(const std::string& value, const std::vector<std::string>& choices);

}  // namespace nextframe
