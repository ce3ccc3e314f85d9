// This file is how a set of measurements joins evaluation: one file in trainer/evaluate/, ending in
// its registration.
#pragma once

#include <functional>
#include <string>

#include "kernels/base/registry.h"
#include "trainer/evaluate/evaluation_context.h"
#include "trainer/evaluate/report.h"

namespace nextframe {

struct Suite {
  std::string summary;  // one line, for --help
  std::function<SuiteReport(EvaluationContext&)> run;
};

using SuiteRegistry = Registry<Suite>;

}  // namespace nextframe

#define NF_REGISTER_SUITE(name, summary, run)                            \
  namespace {                                                            \
  const bool registered_suite_##name =                                   \
      ::nextframe::SuiteRegistry::instance().add(#name, {summary, run}); \
  }
