// What objectives and action forms ask of a network, and what networks offer. Known from names
// alone, so that a config with parts that do not go together is refused before data are opened.
#pragma once

#include <set>
#include <string>

namespace nextframe {

enum class Trait {
  noise_levels,  // NetworkInput::level_BT
  step_sizes,    // NetworkInput::num_steps_BT
  tokens,        // frames are sequences of tokens, and an action can be one
};

using Traits = std::set<Trait>;

/// "noise levels", as messages and docs call it.
std::string trait_name(Trait trait);

/// Those of `asked` that are not in `offered`.
Traits missing_traits(const Traits& asked, const Traits& offered);

}  // namespace nextframe
