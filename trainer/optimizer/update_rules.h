// Which tensor changes by which update rule.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "trainer/optimizer/update_rule.h"

namespace nextframe {

class UpdateRules {
 public:
  /// AdamW for every tensor.
  UpdateRules(const OptimizerConfig& config, const FlatParameters& parameters);

  double ema_decay() const { return ema_decay_; }  // of the weight average; 0 keeps none

  const std::vector<std::unique_ptr<UpdateRule>>& all() const { return rules_; }

  /// The index in all() of a tensor's rule; `tensor` is an index into FlatParameters::layout().
  size_t of(int64_t tensor) const { return rule_of_[static_cast<size_t>(tensor)]; }

 private:
  double ema_decay_;
  std::vector<std::unique_ptr<UpdateRule>> rules_;
  std::vector<size_t> rule_of_;  // as layout()
};

}  // namespace nextframe
