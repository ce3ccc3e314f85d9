#include "trainer/judge/collapse.h"

#include <c10/util/StringUtil.h>

#include <cmath>

namespace nextframe {
namespace {

constexpr double kLeastCodesUsed = 0.1, kLeastStd = 0.05, kLeastRank = 1.5;

}  // namespace

std::string describe_collapse(const std::map<std::string, double>& monitors) {
  const auto is_below = [&](const char* name, double least) {
    const auto found = monitors.find(name);
    return found != monitors.end() && found->second < least;
  };
  if (is_below("codes_used", kLeastCodesUsed)) {
    return c10::str("alarm: only ", std::lround(100 * monitors.at("codes_used")),
                    " % of the codes are used; fewer codes, a lower learning rate, more "
                    "continuous_steps (fsq, latent_actions) or a smaller commit_weight (vq) "
                    "usually help");
  }
  if (is_below("latent_std", kLeastStd) || is_below("latent_rank", kLeastRank)) {
    return c10::str(
        "alarm: the latents have collapsed (standard deviation ", monitors.at("latent_std"),
        ", effective rank ", monitors.at("latent_rank"),
        "); a larger objective.weight (jepa), a lower learning rate or a smaller hidden_up_to "
        "(masked_autoencoder) usually helps");
  }
  return "";
}

}  // namespace nextframe
