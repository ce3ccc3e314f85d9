#include "trainer/config/field_reader.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/base/registry.h"

namespace nextframe {
namespace {

std::string choice_problem_of(const std::vector<std::string>& values,
                              const std::vector<std::string>& choices) {
  for (const auto& value : values) {
    if (auto problem = choice_problem(value, choices); !problem.empty()) return problem;
  }
  return "";
}

std::string choice_problem_of(const std::string& value, const std::vector<std::string>& choices) {
  return choice_problem(value, choices);
}

template <class T>
std::string choice_problem_of(const T&, const std::vector<std::string>&) {
  return "";
}

template <class T>
std::string range_problem_of(const T& value, const Range& range) {
  if constexpr (std::is_arithmetic_v<T>) {
    return range_problem(static_cast<double>(value), range);
  } else {
    return "";
  }
}

std::string range_problem_of(const std::vector<int64_t>& values, const Range& range) {
  for (const auto value : values) {
    if (auto problem = range_problem_of(value, range); !problem.empty()) return problem;
  }
  return "";
}

/// Whole numbers without an exponent, as they are written in a config.
std::string plain(double value) {
  const bool is_whole = std::abs(value) < 1e18 && value == std::floor(value);
  return is_whole ? written(static_cast<int64_t>(value)) : written(value);
}

}  // namespace

std::string range_problem(double value, const Range& range) {
  if (range.is_too_small(value)) {
    const std::string reason = *range.reason == 0 ? "" : std::string(": ") + range.reason;
    return range.excludes_least ? "must be more than " + plain(range.least) + reason
                                : "must be " + plain(range.least) + " or more" + reason;
  }
  if (!range.is_too_large(value)) return "";
  return (range.excludes_most ? "must be less than " : "must be at most ") + plain(range.most);
}

std::string describe(const Range& range) {
  const bool has_least = std::isfinite(range.least), has_most = std::isfinite(range.most);
  if (!has_least && !has_most) return "";
  const std::string least = plain(range.least), most = plain(range.most);
  if (!has_most) return range.excludes_least ? "more than " + least : least + " or more";
  if (range.excludes_least) return "more than " + least + ", at most " + most;
  return range.excludes_most ? least + " or more, less than " + most : least + " to " + most;
}

std::string choice_problem(const std::string& value, const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) {
    return "";
  }
  const std::string suggestion = did_you_mean(value, choices);
  return "= " + written(value) + " is not one of " + c10::Join(", ", choices) +
         (suggestion.empty() ? "" : "; did you mean '" + suggestion + "'?");
}

template <class T>
void FieldReader::read(const FieldInfo& info, T& value) {
  const std::string key = section_ + "." + info.name;
  std::string origin = "default";
  if (const auto found = assignments_.find(key); found != assignments_.end()) {
    const Assignment& assignment = found->second;
    const bool is_override = assignment.key_place.line == 0;
    origin = is_override ? "--set" : assignment.key_place.to_string();
    Place place = assignment.value.place;
    T read = value;
    std::string problem = read_value(assignment.value, read, place);
    if (problem.empty()) problem = choice_problem_of(read, info.choices);
    if (problem.empty()) {
      problem = range_problem_of(read, info.range);
      if (!problem.empty()) {
        problem = "= " + written(read) + " " + problem;
        place = assignment.key_place;
      }
    }
    if (problem.empty()) {
      value = std::move(read);
    } else {
      problems_.add(place, key + " " + problem);
      failed_keys_.insert(key);
    }
  }
  resolved_.push_back({key, written(value), origin, info.tag});
}

void FieldReader::visit(const FieldInfo& info, bool& value) { read(info, value); }
void FieldReader::visit(const FieldInfo& info, int64_t& value) { read(info, value); }
void FieldReader::visit(const FieldInfo& info, double& value) { read(info, value); }
void FieldReader::visit(const FieldInfo& info, std::string& value) { read(info, value); }
void FieldReader::visit(const FieldInfo& info, std::vector<int64_t>& value) { read(info, value); }
void FieldReader::visit(const FieldInfo& info, std::vector<std::string>& value) {
  read(info, value);
}

}  // namespace nextframe
