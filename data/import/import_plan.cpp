#include "data/import/import_plan.h"

#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/base/philox.h"

namespace nextframe {
namespace {

constexpr int64_t kMostTokens = 1024;    // of a frame, before training gets slow
constexpr int64_t kDefaultPatch_px = 8;  // of the models here
constexpr int64_t kLeastPatch_px = 4, kMostPatch_px = 32;
constexpr size_t kMostHeldOutShown = 12;

int64_t tokens_of(int64_t height_px, int64_t width_px, int64_t patch_px) {
  return (height_px / patch_px) * (width_px / patch_px);
}

/// The smallest patch that leaves no more than kMostTokens, 0 if there is none.
int64_t usable_patch(int64_t height_px, int64_t width_px) {
  const int64_t common = std::gcd(height_px, width_px);
  for (int64_t patch = kLeastPatch_px; patch <= kMostPatch_px; ++patch) {
    if (common % patch == 0 && tokens_of(height_px, width_px, patch) <= kMostTokens) {
      return patch;
    }
  }
  return 0;
}

/// The nearest size of that shape, 64 pixels on its shorter side, that patches of 8 divide.
std::string suggested_size(int64_t height_px, int64_t width_px) {
  constexpr int64_t kShort_px = 64;
  const auto longer = [&](int64_t length, int64_t shorter) {
    const int64_t px = length * kShort_px / std::max<int64_t>(shorter, 1);
    return std::clamp<int64_t>((px + 4) / 8 * 8, kShort_px, 8 * kShort_px);
  };
  const bool is_wide = width_px >= height_px;
  return c10::str(is_wide ? kShort_px : longer(height_px, width_px), "x",
                  is_wide ? longer(width_px, height_px) : kShort_px);
}

std::string describe_episodes(const ImportPlan& plan) {
  const auto& lengths = plan.facts.episode_frames;
  const auto [low, high] = std::minmax_element(lengths.begin(), lengths.end());
  const auto frames = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  return c10::str(lengths.size(), ", of ", *low, " to ", *high, " frames, ", frames,
                  " frames in all");
}

std::string describe_frames(const ImportPlan& plan) {
  const auto& facts = plan.facts;
  std::string text = c10::str(plan.size.height_px, " high, ", plan.size.width_px, " wide, ",
                              facts.channels == 1 ? "grey" : "RGB");
  const bool is_scaled =
      facts.height_px != plan.size.height_px || facts.width_px != plan.size.width_px;
  if (!is_scaled) return text;
  const char* how = plan.size.fit == Fit::crop  ? "their middle"
                    : plan.size.fit == Fit::pad ? "with black bars"
                                                : "stretched";
  if (facts.height_px == 0) return text + c10::str(" (from several sizes: ", how, ")");
  return text +
         c10::str(" (from ", facts.height_px, " high, ", facts.width_px, " wide: ", how, ")");
}

std::string describe_actions(const RecordingFacts& facts) {
  const auto& space = facts.action_space;
  if (space.kind == ActionSpace::Kind::none) return "none";
  if (space.kind == ActionSpace::Kind::discrete) {
    const auto choices =
        space.names.empty() ? c10::str("integers 0 to ", space.width - 1) : names_of(space);
    return c10::str("a choice of ", space.width, " (", choices, "), from ", facts.actions_from);
  }
  const char* what = space.kind == ActionSpace::Kind::multi_binary ? " button" : " number";
  std::string text =
      c10::str(space.width, what, space.width == 1 ? "" : "s", ", from ", facts.actions_from);
  return space.names.empty() ? text : text + ": " + names_of(space);
}

std::string describe_held_out(const ImportPlan& plan) {
  const auto& held_out = plan.held_out;
  if (held_out.empty()) return "no episode is held out; --hold-out 5% keeps some back";
  std::string text = c10::str(held_out.size(), held_out.size() == 1 ? " episode" : " episodes",
                              " held out, drawn by --seed:");
  for (size_t i = 0; i < std::min(held_out.size(), kMostHeldOutShown); ++i) {
    text += c10::str(" ", held_out[i]);
  }
  return text + (held_out.size() > kMostHeldOutShown ? " ..." : "");
}

}  // namespace

std::vector<int64_t> draw_held_out(int64_t episodes, int64_t count, int64_t seed) {
  std::vector<int64_t> drawn;
  for (int64_t run = 0; run < std::min(count, episodes); ++run) {
    const int64_t begin = run * episodes / count, end = (run + 1) * episodes / count;
    const Philox bits(static_cast<uint64_t>(seed), static_cast<uint64_t>(run), 0);
    drawn.push_back(begin + static_cast<int64_t>(bits.value[0]) % (end - begin));
  }
  return drawn;
}

std::string patch_advice(int64_t height_px, int64_t width_px) {
  const auto tokens = tokens_of(height_px, width_px, kDefaultPatch_px);
  const bool is_divided = height_px % kDefaultPatch_px == 0 && width_px % kDefaultPatch_px == 0;
  if (is_divided && tokens <= kMostTokens) return "";
  const auto problem = is_divided ? c10::str("patches of 8 pixels make ", tokens, " tokens a frame")
                                  : std::string(
                                        "patches of 8 pixels, the usual ones, do not "
                                        "divide such frames");
  const auto patch = usable_patch(height_px, width_px);
  const auto other = c10::str("--size ", suggested_size(height_px, width_px), " scales them");
  if (patch == 0) return problem + ": " + other;
  return c10::str(problem, ": train with model.patch_px: ", patch, " (",
                  tokens_of(height_px, width_px, patch), " tokens a frame), or ", other);
}

std::string describe(const ImportPlan& plan) {
  const auto& facts = plan.facts;
  std::string text = plan.source + " (" + plan.layout + ")\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    text += "  " + name + std::string(12 - std::min<size_t>(name.size(), 11), ' ') + value + "\n";
  };
  line("episodes", describe_episodes(plan));
  line("frames", describe_frames(plan));
  if (facts.fps > 0) line("rate", c10::str(std::round(facts.fps * 100) / 100, " frames a second"));
  line("actions", describe_actions(facts));
  if (facts.action_space.kind != ActionSpace::Kind::none) {
    line("alignment", describe(facts.alignment));
  }
  line("validation", describe_held_out(plan));
  for (const auto& note : facts.notes) line("note", note);
  for (const auto& problem : facts.problems) line("skipped", problem);
  const bool is_turned =
      (plan.size.height_px > plan.size.width_px) != (facts.height_px > facts.width_px) &&
      facts.height_px != facts.width_px && plan.size.height_px != plan.size.width_px;
  if (is_turned && facts.height_px > 0) {
    line("warning", "the stored frames are of another orientation; --size is HEIGHTxWIDTH");
  }
  const auto advice = patch_advice(plan.size.height_px, plan.size.width_px);
  if (!advice.empty()) line("warning", advice);
  return text;
}

}  // namespace nextframe
