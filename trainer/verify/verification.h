// The checks of `nextframe verify`, each made of one or two short runs and a result.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "trainer/config/config.h"
#include "trainer/verify/scratch_runs.h"

namespace nextframe {

struct CheckResult {
  enum class Outcome { passed, failed, left_out };

  std::string check;  // "ranks agree: 2 ranks"
  Outcome outcome = Outcome::passed;
  std::string found;  // one line
  double took_s = 0;
};

struct VerifyPlan {
  std::vector<int64_t> ranks;                 // the first one is the reference
  int64_t steps = 4;                          // 2 or more
  std::vector<std::string> recompute, shard;  // values to compare with the config's own
};

class Verification {
 public:
  using Tell = std::function<void(const CheckResult&)>;

  /// Calls `begin` before each check and `tell` after it. All references must
  /// outlive this object.
  Verification(const Config& config, const Dataset& data, const VerifyPlan& plan, ScratchRuns& runs,
               std::function<void(const std::string& check)> begin, Tell tell);

  /// Runs all checks, or stops if the first short run fails. Returns whether all passed.
  bool run();

  void ranks_agree(int64_t ranks);
  void resumes_on(int64_t ranks);
  void rollouts_agree(WorldModel& fp32_model);
  void gradients_are_synchronised();
  void setting_changes_nothing(const std::string& key, const std::string& value);

 private:
  CheckResult compare(const ScratchRun& run);
  void check(const std::string& name, const std::function<CheckResult()>& body);
  bool reference_runs();
  int64_t middle() const { return plan_.steps / 2; }

  const Config& config_;
  const Dataset& data_;
  const VerifyPlan& plan_;
  ScratchRuns& runs_;
  std::function<void(const std::string&)> begin_;
  Tell tell_;
  bool has_failed_ = false;
};

}  // namespace nextframe
