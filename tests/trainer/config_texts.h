// What the tests of configs share: short valid texts, and the error messages of wrong ones.
#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace nextframe {

/// The message of the ConfigError that `text` gives, "" if it is accepted.
inline std::string errors_of(const std::string& text,
                             const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "run.yaml", overrides);
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.code, ExitCode::usage);
    return error.what();
  }
  return "";
}

/// A valid config of a model that is named in one line, and more below it.
inline std::string with(const std::string& more) {
  return "data: {train: a.h5}\nmodel: {name: fake_model}\nobjective: {name: fake_objective}\n" +
         more;
}

inline const ResolvedField& field_of(const Config& config, const std::string& key) {
  for (const auto& field : config.resolved) {
    if (field.key == key) return field;
  }
  throw std::out_of_range(key);
}

}  // namespace nextframe
