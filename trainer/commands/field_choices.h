// This file is the values that a text field of a config section may have.
#pragma once

#include <string>
#include <vector>

#include "kernels/base/fields.h"

namespace nextframe {

class FieldChoices : public FieldVisitor {
 public:
  explicit FieldChoices(std::string name) : name_(std::move(name)) {}
  std::vector<std::string> choices;

 private:
  void visit(const FieldInfo& info, std::string&) override {
    if (info.name == name_) choices = info.choices;
  }
  void visit(const FieldInfo&, bool&) override {}
  void visit(const FieldInfo&, int64_t&) override {}
  void visit(const FieldInfo&, double&) override {}
  void visit(const FieldInfo&, std::vector<int64_t>&) override {}
  void visit(const FieldInfo&, std::vector<std::string>&) override {}

  std::string name_;
};

/// "none", "optimizer", … of field "shard" of a ParallelConfig.
template <class Section>
std::vector<std::string> choices_of(Section section, const std::string& field) {
  FieldChoices visitor(field);
  section.fields(visitor);
  return visitor.choices;
}

}  // namespace nextframe
