#include "trainer/judge/bad_step.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

namespace nextframe {
namespace {

constexpr size_t kListed = 16;  // so that the line stays a line

std::string list(const std::string& name, const std::vector<int64_t>& numbers) {
  const auto end = numbers.begin() + static_cast<std::ptrdiff_t>(std::min(numbers.size(), kListed));
  const std::vector<int64_t> shown(numbers.begin(), end);
  std::string text = name + (numbers.size() > 1 ? "s " : " ") + c10::Join(", ", shown);
  if (numbers.size() > kListed) text += c10::str(" and ", numbers.size() - kListed, " more");
  return text;
}

std::string with_z(double value, double z) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  return std::isfinite(value) ? c10::str(value, " (z ", z, ")") : c10::str(value);
}

}  // namespace

Suspects find_suspects(const std::vector<double>& grain_loss_sums,
                       const std::vector<std::vector<int64_t>>& clips_of_grain) {
  Suspects result;
  for (size_t grain = 0; grain < grain_loss_sums.size(); ++grain) {
    if (!std::isfinite(grain_loss_sums[grain]))
      result.grains.push_back(static_cast<int64_t>(grain));
  }
  for (size_t grain = 0; grain < clips_of_grain.size(); ++grain) {
    const bool is_bad = result.grains.empty() || !std::isfinite(grain_loss_sums[grain]);
    if (is_bad)
      result.clips.insert(result.clips.end(), clips_of_grain[grain].begin(),
                          clips_of_grain[grain].end());
  }
  return result;
}

std::string describe_bad_step(int64_t step, const JudgedStep& judged, int64_t bad_in_row,
                              const Suspects& suspects) {
  auto text = c10::str("step ", step, " was skipped (", bad_in_row, " in a row): loss ",
                       with_z(judged.loss, judged.loss_z), ", gradient norm ",
                       with_z(judged.grad_norm, judged.grad_norm_z), "; ");
  if (!suspects.grains.empty()) text += list("grain", suspects.grains) + ", ";
  return text + list("clip", suspects.clips);
}

std::string describe_spike(int64_t step, const JudgedStep& judged) {
  return c10::str("step ", step, " is a spike and was applied: loss ",
                  with_z(judged.loss, judged.loss_z), ", gradient norm ",
                  with_z(judged.grad_norm, judged.grad_norm_z),
                  "; trainer.skip_spikes_above_z would skip such steps");
}

std::string give_up_advice(const std::string& bad_step, int64_t rollbacks,
                           const std::string& checkpoints) {
  return c10::str(bad_step, ". Going back ", rollbacks, rollbacks == 1 ? " time" : " times",
                  " has not helped; the last checkpoint in ", checkpoints,
                  " is unharmed. A lower optimizer.lr or more schedule.warmup_steps usually helps; "
                  "data with absurd numbers is found by the clips that are named above.");
}

Position position_after_rollback(Position restored, const Position& bad, int64_t global_batch) {
  // A checkpoint from amid bad steps holds the parameters of before the first of them.
  auto& history = restored.history;
  restored.step -= history.bad_in_row;
  restored.samples -= history.bad_in_row * global_batch;
  history.skipped_steps -= history.bad_in_row;
  history.bad_in_row = 0;
  history.suspects.clear();

  history.rollbacks = bad.history.rollbacks + 1;
  history.bad_until = bad.step;
  const int64_t from_slot = (bad.step - bad.history.bad_in_row) * global_batch;
  restored.set_aside = bad.set_aside;
  restored.segments = bad.segments;
  for (const int64_t clip : bad.history.suspects) restored.set_aside.push_back({clip, from_slot});
  return restored;
}

}  // namespace nextframe
