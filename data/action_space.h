// What the `action` column means: nothing, a choice of n, several buttons at once, or a vector of
// numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

struct ActionSpace {
  enum class Kind { none, discrete, continuous, multi_binary };
  Kind kind = Kind::none;
  int64_t width = 0;               // A: the number of choices, of numbers or of buttons
  std::vector<std::string> names;  // of these; may be empty
};

/// The largest width: each frame's actions are a row of so many floats.
inline constexpr int64_t kMaxActionWidth = 1 << 20;

/// Choices are one-hot, a row of a matrix each.
inline constexpr int64_t kMaxChoices = 65536;

/// Numbers that lead from a frame of a clip to its next: the actions of `stride_frames` frames.
inline constexpr int64_t kMaxClipActionWidth = int64_t{1} << 22;

/// Whether the same number has the same name in both, as far as both have names.
bool are_names_alike(const ActionSpace& a, const ActionSpace& b);

/// "left, right, ...": the first names.
std::string names_of(const ActionSpace& space);

/// Throws DataError where `largest` is more than a choice can be; `source` names its file.
void check_choice(int64_t largest, const std::string& source);

/// {"type":"discrete","n":3,"names":[..]} | {"type":"continuous","dim":6} |
/// {"type":"multi_binary","n":4} | {"type":"none"}
std::string to_json(const ActionSpace& space);

/// Throws DataError if the text is not an action space.
ActionSpace action_space_from_json(const std::string& text);

}  // namespace nextframe
