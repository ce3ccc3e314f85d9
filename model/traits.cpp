#include "model/traits.h"

#include <algorithm>
#include <iterator>

namespace nextframe {

std::string trait_name(Trait trait) {
  switch (trait) {
    case Trait::noise_levels:
      return "noise levels";
    case Trait::step_sizes:
      return "step sizes";
    case Trait::tokens:
      return "tokens";
    case Trait::pixels:
      return "pixels";
    case Trait::values:
      return "values";
    case Trait::codes:
      return "codes";
    case Trait::changes:
      return "changes";
    case Trait::hidden_codes:
      return "hidden codes";
    case Trait::code_order:
      return "codes in order";
    case Trait::learned_latents:
      return "learned latents";
    case Trait::whole_clip:
      return "attention to the whole clip";
  }
  return "";
}

Traits missing_traits(const Traits& asked, const Traits& offered) {
  Traits missing;
  std::ranges::set_difference(asked, offered, std::inserter(missing, missing.end()));
  return missing;
}

}  // namespace nextframe
