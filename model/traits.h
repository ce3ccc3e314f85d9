// What objectives and action forms ask of a network, and what networks and tokenizers offer. Known
// from the config alone, so that a config with parts that do not go together is refused before data
// are opened.
#pragma once

#include <set>
#include <string>

namespace nextframe {

enum class Trait {
  noise_levels,     // NetworkInput::level_BT
  step_sizes,       // NetworkInput::num_steps_BT
  tokens,           // frames are sequences of tokens, and an action can be one
  pixels,           // frames are pixels; LatentSpace, as the next two
  values,           // frames are a tokenizer's values
  codes,            // frames are a tokenizer's codes
  changes,          // what a tokenizer of actions gives, which is no frame
  hidden_codes,     // NetworkInput::hidden_BTN
  code_order,       // the codes of a frame come one after the other
  learned_latents,  // frames are values that the objective's gradient shapes, too
  whole_clip,       // the output of a frame depends on all frames of the clip, later ones too
};

using Traits = std::set<Trait>;

/// "noise levels", as messages and docs call it.
std::string trait_name(Trait trait);

/// Those of `asked` that are not in `offered`.
Traits missing_traits(const Traits& asked, const Traits& offered);

}  // namespace nextframe
