#include "trainer/play/play_actions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/exit_code.h"
#include "trainer/json_text.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

struct KeyWord {
  const char* word;
  unsigned key;
};
constexpr std::array<KeyWord, 12> kKeyWords{{{"left", kLeftKey},
                                             {"right", kRightKey},
                                             {"up", kUpKey},
                                             {"down", kDownKey},
                                             {"west", kLeftKey},
                                             {"east", kRightKey},
                                             {"north", kUpKey},
                                             {"south", kDownKey},
                                             {"jump", kUpKey},
                                             {"forward", kUpKey},
                                             {"backward", kDownKey},
                                             {"fire", kFireKey}}};
constexpr std::array kIdleWords{"stay", "noop", "idle", "still", "wait", "none", "nothing"};

std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

/// Of a word that consists of such words only, "upright"; else 0.
unsigned keys_in_word(std::string word) {
  unsigned keys = 0;
  while (!word.empty()) {
    const auto found = std::ranges::find_if(
        kKeyWords, [&](const KeyWord& known) { return word.starts_with(known.word); });
    if (found == kKeyWords.end()) return 0;
    keys |= found->key;
    word.erase(0, std::string(found->word).size());
  }
  return keys;
}

bool says_idle(const std::string& name) {
  const auto words = words_of(name);
  return std::ranges::any_of(words, [](const std::string& word) {
    return std::ranges::find(kIdleWords, word) != kIdleWords.end();
  });
}

}  // namespace

unsigned keys_in_name(const std::string& name) {
  unsigned keys = 0;
  for (const auto& word : words_of(name)) keys |= keys_in_word(word);
  return keys;
}

PlayActions::PlayActions(ActionSpace space, ActionScale scale,
                         const std::vector<ActionColumn>& columns, int64_t stride_frames)
    : space_(std::move(space)), scale_(std::move(scale)), stride_frames_(stride_frames) {
  if (space_.width == 0) space_.kind = Kind::none;
  for (auto i = static_cast<int64_t>(space_.names.size()); i < space_.width; ++i) {
    space_.names.push_back(std::to_string(i));
  }
  for (const auto& column : columns) ranges_.push_back({column.low, column.high});
  ranges_.resize(static_cast<size_t>(space_.width), {-1, 1});
}

PlayActions PlayActions::latent(int64_t num_actions) {
  return {{.kind = Kind::discrete, .width = num_actions, .names = {}}, {}, {}, 1};
}

size_t PlayActions::numbers_of_an_action() const {
  return space_.kind == Kind::discrete ? 1 : static_cast<size_t>(space_.width);
}

PlayAction PlayActions::idle() const {
  PlayAction action(numbers_of_an_action(), 0);
  if (space_.kind == Kind::discrete) {
    const auto& names = space_.names;
    const auto found = std::ranges::find_if(names, says_idle);
    if (found != names.end()) action[0] = static_cast<float>(found - names.begin());
  } else if (space_.kind == Kind::continuous) {
    for (size_t a = 0; a < action.size(); ++a) {
      const double middle = scale_.is_empty() ? 0 : scale_.centre[a];
      action[a] = static_cast<float>(std::clamp(middle, ranges_[a].low, ranges_[a].high));
    }
  }
  return action;
}

int64_t PlayActions::choice_of_keys(unsigned keys) const {
  if (space_.kind != Kind::discrete) return -1;
  for (size_t i = 0; keys != 0 && i < space_.names.size(); ++i) {
    if (keys_in_name(space_.names[i]) == keys) return static_cast<int64_t>(i);
  }
  return -1;
}

std::string PlayActions::problem(const PlayAction& action) const {
  if (action.size() != numbers_of_an_action()) {
    return c10::str("an action of this model has ", numbers_of_an_action(), " numbers, got ",
                    action.size());
  }
  for (const float number : action) {
    if (!std::isfinite(number)) return "an action needs finite numbers";
    if (space_.kind == Kind::multi_binary && number != 0 && number != 1) {
      return c10::str("a button is 0 or 1, got ", number);
    }
    const bool is_choice =
        number >= 0 && number < static_cast<float>(space_.width) && number == std::floor(number);
    if (space_.kind == Kind::discrete && !is_choice) {
      return c10::str("the choices are 0 to ", space_.width - 1, ", got ", number);
    }
  }
  return "";
}

at::Tensor PlayActions::encode(const PlayAction& action) const {
  if (const auto wrong = problem(action); !wrong.empty()) throw UsageError("play: " + wrong);
  auto told_A = at::zeros({space_.width});
  auto* const told = told_A.data_ptr<float>();
  if (space_.kind == Kind::discrete) {
    told[static_cast<int64_t>(action[0])] = 1;
  } else if (space_.kind == Kind::continuous && !scale_.is_empty()) {
    scale_.apply(action.data(), told);
  } else {
    std::ranges::copy(action, told);
  }
  return told_A.repeat({stride_frames_});
}

PlayAction PlayActions::decode(const at::Tensor& told_A) const {
  const auto first_A = told_A.slice(0, 0, space_.width).contiguous();
  if (space_.kind == Kind::none) return {};
  if (space_.kind == Kind::discrete) return {first_A.argmax().item<float>()};
  const auto* const told = first_A.const_data_ptr<float>();
  PlayAction action(told, told + space_.width);
  for (size_t a = 0; space_.kind == Kind::continuous && a < scale_.centre.size(); ++a) {
    action[a] = static_cast<float>(scale_.centre[a] + scale_.scale[a] * double{action[a]});
  }
  return action;
}

std::string PlayActions::to_json() const {
  constexpr std::array kKinds{"none", "discrete", "continuous", "multi_binary"};
  nlohmann::ordered_json json{{"kind", kKinds.at(static_cast<size_t>(space_.kind))},
                              {"names", space_.names},
                              {"idle", idle()}};
  for (size_t a = 0; a < space_.names.size(); ++a) {
    json["keys"].push_back(keys_in_name(space_.names[a]));
    json["low"].push_back(ranges_[a].low);
    json["high"].push_back(ranges_[a].high);
  }
  return json_text(json);
}

}  // namespace nextframe
