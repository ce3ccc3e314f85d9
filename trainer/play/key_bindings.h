// Which action the keys of a terminal mean. A terminal tells when a key is pressed, never when it
// is released, so a key counts for a while.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/play/play_actions.h"

namespace nextframe {

/// How long a key counts after it was pressed, or repeated by the terminal.
constexpr double kKeyHeld_s = 0.35;

class KeyBindings {
 public:
  explicit KeyBindings(const PlayActions& actions);

  /// Takes note of a key; false if it means no action.
  bool press(const std::string& key, double now_s);

  /// What the keys mean at that time:
  ///   choices  arrows and WASD by the choices' names, several together ("right-up") if there is
  ///   such
  ///            a choice; without such names, left and right go through the choices, which stay.
  ///            Digits are choices, too
  ///   buttons  arrows and WASD by name; a digit presses button so, or releases it
  ///   numbers  left and right are the ends of one axis, down and up those of the next one; a digit
  ///            says which is the first
  PlayAction action(double now_s) const;

 private:
  unsigned keys_down(double now_s) const;
  bool press_digit(int64_t digit, double now_s);

  const PlayActions& actions_;
  bool has_named_keys_ = false;
  double pressed_s_[5];  // when, by the bit of PlayKey
  PlayAction chosen_;    // by a digit, or by going through the choices
  double chosen_until_s_ = 0;
  size_t first_axis_ = 0;
};

}  // namespace nextframe
