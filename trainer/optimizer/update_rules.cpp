#include "trainer/optimizer/update_rules.h"

namespace nextframe {

UpdateRules::UpdateRules(const OptimizerConfig& config, const FlatParameters& parameters)
    : ema_decay_(config.ema_decay), rule_of_(parameters.layout().size(), 0) {
  rules_.push_back(make_adamw_rule(config));
}

}  // namespace nextframe
