#include "trainer/config/value.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "data/shard_index.h"

namespace nextframe {
namespace {

/// What stands there instead of a scalar, for "needs ..., got ...".
std::string what_is(const Value& value) {
  switch (value.kind) {
    case Value::Kind::nothing:
      return "nothing";
    case Value::Kind::list:
      return "a list";
    case Value::Kind::map:
      return "a map";
    case Value::Kind::scalar:
      break;
  }
  return value.quoted ? "the text '" + value.text + "'" : "'" + value.text + "'";
}

std::string refused(const std::string& needed, const Value& value, const std::string& hint = "") {
  return "needs " + needed + ", got " + what_is(value) + (hint.empty() ? "" : "; " + hint);
}

/// Digits without the sign; "" where the text is not a plain run of digits.
std::string_view digits_of(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text.find_first_not_of("0123456789") == std::string_view::npos ? text : "";
}

bool looks_octal(std::string_view text) {
  const auto digits = digits_of(text);
  return digits.size() > 1 && digits.front() == '0';
}

std::string without_leading_zeros(const std::string& text) {
  const auto digits = digits_of(text);
  const auto first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  return c10::str(text.front() == '-' ? "-" : "", digits.substr(first));
}

std::optional<double> number_of(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && stop == text.data() + text.size();
  return whole && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

/// Problems that every scalar can have; "" if there are none.
std::string scalar_problem(const Value& value, const std::string& needed, bool is_text) {
  if (!value.tag.empty()) {
    return "has the YAML tag '" + value.tag + "', which is not read; remove it";
  }
  if (value.kind != Value::Kind::scalar) {
    return refused(needed, value,
                   value.kind == Value::Kind::nothing && is_text ? "an empty text is ''" : "");
  }
  if (as_utf8(value.text) != value.text) {
    return "has bytes that are not UTF-8, which no record of a run can hold; give the file or "
           "folder another name, or a link with one";
  }
  if (value.quoted && !is_text) return refused(needed, value, "remove the quotes");
  return "";
}

template <class T>
std::string read_list(const Value& value, std::vector<T>& result, Place& place,
                      const std::string& needed) {
  if (value.kind == Value::Kind::scalar) {
    return refused(needed, value, "write [" + value.text + "]");
  }
  if (value.kind != Value::Kind::list) return refused(needed, value);
  std::vector<T> items(value.items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    T item{};
    const std::string problem = read_value(value.items[i], item, place);
    if (!problem.empty()) {
      place = value.items[i].place;
      return c10::str("item ", i + 1, " ", problem);
    }
    items[i] = std::move(item);
  }
  result = std::move(items);
  return "";
}

template <class T>
std::string written_list(const std::vector<T>& values) {
  std::string text = "[";
  for (const auto& value : values) {
    if (text.size() > 1) text += ", ";
    text += written(value);
  }
  return text + "]";
}

/// Whether the text reads back as itself without quotes, here and in any other YAML reader.
bool is_plain(const std::string& text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::string_view kInside = "0123456789_./*-+";
  constexpr std::array<std::string_view, 9> kWords = {"true", "false", "yes", "no", "on",
                                                      "off",  "null",  "y",   "n"};
  if (text.empty() || (kLetters.find(text.front()) == kLetters.npos && text.front() != '/')) {
    return false;
  }
  std::string lower;
  for (const char letter : text) {
    if (kLetters.find(letter) == kLetters.npos && kInside.find(letter) == kInside.npos) {
      return false;
    }
    lower += static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
  }
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

}  // namespace

std::string read_value(const Value& value, bool& result, Place&) {
  const std::string needed = "true or false";
  if (auto problem = scalar_problem(value, needed, false); !problem.empty()) return problem;
  if (value.text != "true" && value.text != "false") return refused(needed, value);
  result = value.text == "true";
  return "";
}

std::string read_value(const Value& value, int64_t& result, Place&) {
  const std::string needed = "an integer";
  if (auto problem = scalar_problem(value, needed, false); !problem.empty()) return problem;
  const std::string& text = value.text;
  if (looks_octal(text)) {
    return refused(
        needed, value,
        "a leading zero means octal to some readers; write " + without_leading_zeros(text));
  }
  int64_t number = 0;
  const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(first, last, number);
  if (error == std::errc::result_out_of_range && stop == last) {
    return refused("an integer of at most 64 bits", value);
  }
  if (error != std::errc() || stop != last || text.starts_with("+-")) {
    const auto real = number_of(text);
    const bool is_whole = real && *real == std::floor(*real) && std::abs(*real) < 9e15;
    return refused(needed, value, is_whole ? c10::str("write ", static_cast<int64_t>(*real)) : "");
  }
  result = number;
  return "";
}

std::string read_value(const Value& value, double& result, Place&) {
  const std::string needed = "a number";
  if (auto problem = scalar_problem(value, needed, false); !problem.empty()) return problem;
  if (looks_octal(value.text)) {
    return refused(
        needed, value,
        "a leading zero means octal to some readers; write " + without_leading_zeros(value.text));
  }
  const auto number = number_of(value.text);
  if (!number) return refused(needed, value);
  result = *number;
  return "";
}

std::string read_value(const Value& value, std::string& result, Place&) {
  if (auto problem = scalar_problem(value, "a text", true); !problem.empty()) return problem;
  result = value.text;
  return "";
}

std::string read_value(const Value& value, std::vector<int64_t>& result, Place& place) {
  return read_list(value, result, place, "a list of integers");
}

std::string read_value(const Value& value, std::vector<std::string>& result, Place& place) {
  return read_list(value, result, place, "a list of texts");
}

std::string written(bool value) { return value ? "true" : "false"; }

std::string written(int64_t value) { return std::to_string(value); }

std::string written(double value) {
  std::array<char, 32> text{};  // the shortest form that reads back to the same bits
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

std::string written(const std::string& value) {
  if (is_plain(value)) return value;
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text = "\"";
  for (const char letter : value) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      text += {'\\', letter};
    } else if (byte < 0x20 || byte == 0x7F) {
      text += {'\\', 'x', kHex[byte / 16], kHex[byte % 16]};
    } else {
      text += letter;
    }
  }
  return text + "\"";
}

std::string written(const std::vector<int64_t>& value) { return written_list(value); }

std::string written(const std::vector<std::string>& value) { return written_list(value); }

}  // namespace nextframe
