// What a person can do in a dream: the actions that the model was trained with, as a choice, as
// buttons or as numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/action_scale.h"
#include "data/action_space.h"

namespace nextframe {

/// What is done at one frame: the number of a choice; a 0 or 1 for each button; or a number for
/// each axis, in the data's own units. Nothing where a model takes no actions.
using PlayAction = std::vector<float>;

/// Keys that a choice or a button answers to, by its name. They add up: "right-up" is right + up.
enum PlayKey : unsigned { kLeftKey = 1, kRightKey = 2, kUpKey = 4, kDownKey = 8, kFireKey = 16 };

/// "right-up", "UPRIGHT", "jump" and "move left" as keys; 0 where no word says a direction.
unsigned keys_in_name(const std::string& name);

class PlayActions {
 public:
  /// `space` and `columns` are the data's. Numbers reach the model by `scale`; each action stands
  /// for `stride_frames` stored frames.
  PlayActions(ActionSpace space, ActionScale scale, const std::vector<ActionColumn>& columns,
              int64_t stride_frames);

  /// Choices among a model's latent actions.
  static PlayActions latent(int64_t num_actions);

  ActionSpace::Kind kind() const { return space_.kind; }
  bool are_choices() const { return space_.kind == ActionSpace::Kind::discrete; }

  /// A name for each choice, button or axis: its number where the data have none.
  const std::vector<std::string>& names() const { return space_.names; }

  /// Of axis `a`: from the smallest to the largest number of the held-out data.
  double low(size_t a) const { return ranges_[a].low; }
  double high(size_t a) const { return ranges_[a].high; }

  /// What is done while nobody does anything: the choice whose name says so ("stay", "noop"), else
  /// the first; no button; of numbers, the middle of what the training set holds.
  PlayAction idle() const;

  /// The choice whose name says exactly these keys, or -1.
  int64_t choice_of_keys(unsigned keys) const;

  /// Why this cannot be done, or "".
  std::string problem(const PlayAction& action) const;

  /// As the model is told it, float32 [A]. UsageError where there is a problem().
  at::Tensor encode(const PlayAction& action) const;

  /// The action that was encoded, but for rounding; of a stride, that of its first frame.
  PlayAction decode(const at::Tensor& told_A) const;

  /// For the page: {"kind", "names", "keys", "low", "high", "idle"}.
  std::string to_json() const;

 private:
  struct AxisRange {
    double low, high;
  };
  size_t numbers_of_an_action() const;

  ActionSpace space_;
  ActionScale scale_;
  std::vector<AxisRange> ranges_;
  int64_t stride_frames_;
};

}  // namespace nextframe
