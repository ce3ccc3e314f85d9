#include "trainer/config/field_reader.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

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

}  // namespace

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
