// Whether a dream under other actions goes where the simulator goes under them.
#pragma once

#include "trainer/evaluate/evaluate.h"

namespace nextframe {

/// Adds to the report of the suite control counterfactual_ratio and counterfactual_shown_ratio, and
/// no_op_ratio where the world has an action that does nothing; or a note that says why not. For
/// data whose simulated world can replay its episodes with other actions.
void add_counterfactuals(EvaluationContext& evaluation, SuiteReport& report);

/// What these figures are.
std::vector<Definition> counterfactual_definitions();

}  // namespace nextframe
