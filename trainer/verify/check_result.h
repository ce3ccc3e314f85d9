// This file is what one check of `nextframe verify` found.
#pragma once

#include <string>

namespace nextframe {

struct CheckResult {
  enum class Outcome { passed, failed, left_out };

  std::string check;  // "ranks agree: 2 ranks"
  Outcome outcome = Outcome::passed;
  std::string found;  // one line
  double took_s = 0;
};

}  // namespace nextframe
