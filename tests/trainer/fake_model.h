// A model and an objective that can be configured but not run, for tests of configs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/fields.h"

namespace nextframe {

struct FakeModelConfig {
  int64_t dim = 512;
  int64_t heads = 8;
  double dropout = 0.25;
  bool bias = false;
  std::string norm = "rms";
  std::vector<int64_t> stages = {1, 2};
  std::vector<std::string> tricks;

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

/// What the fake model was last made from, and with what.
struct FakeModelMade {
  FakeModelConfig config;
  int64_t objective_levels = 0;
  uint64_t seed = 0;
  bool bf16 = false;
};

const FakeModelMade& last_fake_model();

/// A small valid config with every section in it.
std::string valid_config();

}  // namespace nextframe
