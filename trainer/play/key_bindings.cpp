#include "trainer/play/key_bindings.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

namespace nextframe {
namespace {

constexpr double kEver = std::numeric_limits<double>::infinity();

// By the bit of PlayKey.
const std::map<std::string, size_t, std::less<>> kBitOfKey{
    {"left", 0}, {"a", 0},    {"right", 1}, {"d", 1}, {"up", 2},
    {"w", 2},    {"down", 3}, {"s", 3},     {"f", 4}, {"enter", 4}};

}  // namespace

KeyBindings::KeyBindings(const PlayActions& actions) : actions_(actions), chosen_(actions.idle()) {
  std::ranges::fill(pressed_s_, -kEver);
  for (const auto& name : actions.names()) has_named_keys_ |= keys_in_name(name) != 0;
}

unsigned KeyBindings::keys_down(double now_s) const {
  unsigned keys = 0;
  for (size_t bit = 0; bit < std::size(pressed_s_); ++bit) {
    if (now_s - pressed_s_[bit] <= kKeyHeld_s) keys |= 1U << bit;
  }
  return keys;
}

bool KeyBindings::press(const std::string& key, double now_s) {
  if (actions_.kind() == ActionSpace::Kind::none) return false;
  if (key.size() == 1 && key[0] >= '0' && key[0] <= '9') return press_digit(key[0] - '0', now_s);
  const auto found = kBitOfKey.find(key);
  if (found == kBitOfKey.end()) return false;
  if (actions_.are_choices() && !has_named_keys_) {
    if (found->second > 1) return false;
    const auto last = static_cast<float>(actions_.names().size() - 1);
    chosen_[0] = std::clamp(chosen_[0] + (found->second == 0 ? -1.0F : 1.0F), 0.0F, last);
    chosen_until_s_ = kEver;
    return true;
  }
  pressed_s_[found->second] = now_s;
  constexpr size_t kOpposite[] = {1, 0, 3, 2, 4};
  if (found->second < 4) pressed_s_[kOpposite[found->second]] = -kEver;
  if (actions_.are_choices()) chosen_until_s_ = 0;
  return true;
}

bool KeyBindings::press_digit(int64_t digit, double now_s) {
  if (digit >= static_cast<int64_t>(actions_.names().size())) return false;
  if (actions_.kind() == ActionSpace::Kind::continuous) {
    first_axis_ = static_cast<size_t>(digit);
  } else if (actions_.kind() == ActionSpace::Kind::multi_binary) {
    chosen_[static_cast<size_t>(digit)] = 1 - chosen_[static_cast<size_t>(digit)];
  } else {
    chosen_[0] = static_cast<float>(digit);
    chosen_until_s_ = has_named_keys_ ? now_s + kKeyHeld_s : kEver;
  }
  return true;
}

PlayAction KeyBindings::action(double now_s) const {
  const unsigned keys = keys_down(now_s);
  if (actions_.are_choices()) {
    if (now_s <= chosen_until_s_) return chosen_;
    auto choice = actions_.choice_of_keys(keys);
    for (unsigned bit = 1; choice < 0 && bit <= keys; bit <<= 1) {  // no such combination: one
      choice = actions_.choice_of_keys(keys & bit);
    }
    return choice < 0 ? actions_.idle() : PlayAction{static_cast<float>(choice)};
  }
  auto action = chosen_;
  if (actions_.kind() == ActionSpace::Kind::multi_binary) {
    for (size_t i = 0; i < action.size(); ++i) {
      const unsigned own = keys_in_name(actions_.names()[i]);
      if (own != 0 && (keys & own) == own) action[i] = 1;
    }
  } else if (actions_.kind() == ActionSpace::Kind::continuous) {
    const auto move = [&](size_t axis, unsigned to_low, unsigned to_high) {
      if (axis >= action.size()) return;
      if ((keys & to_low) != 0) action[axis] = static_cast<float>(actions_.low(axis));
      if ((keys & to_high) != 0) action[axis] = static_cast<float>(actions_.high(axis));
    };
    move(first_axis_, kLeftKey, kRightKey);
    move(first_axis_ + 1, kDownKey, kUpKey);
  }
  return action;
}

}  // namespace nextframe
