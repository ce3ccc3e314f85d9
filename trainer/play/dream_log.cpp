#include "trainer/play/dream_log.h"

#include <c10/util/StringUtil.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// The shortest text that reads back as the same number.
template <class Number>
std::string number_text(Number number) {
  std::array<char, 64> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

std::string action_text_of(const PlayAction& action) {
  if (action.empty()) return "-";
  std::string text;
  for (const float number : action) {
    if (!text.empty()) text += ':';
    text += number_text(number);
  }
  return text;
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

[[noreturn]] void refuse(std::string_view part, const std::string& needed) {
  throw UsageError(
      c10::str("play: the log of a dream has '", part.substr(0, 40), "'; needed: ", needed));
}

template <class Number>
Number number_from(std::string_view text, const std::string& needed) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) refuse(text, needed);
  return number;
}

PlayAction action_from(std::string_view text) {
  if (text == "-") return {};
  PlayAction action;
  for (const auto part : parts_of(text, ':')) {
    action.push_back(number_from<float>(part, "numbers joined by ':'"));
    if (!std::isfinite(action.back())) refuse(part, "finite numbers");
  }
  return action;
}

DreamSampling sampling_from(std::string_view text) {
  const auto parts = parts_of(text.substr(1), ':');
  if (parts.size() != 2) refuse(text, "@STEPS:GUIDANCE");
  const DreamSampling sampling{number_from<int64_t>(parts[0], "whole sampling steps"),
                               number_from<double>(parts[1], "guidance as a number")};
  const bool is_right = sampling.denoise_steps >= 1 && sampling.denoise_steps <= 65536 &&
                        sampling.guidance >= 0 && sampling.guidance <= 100;
  if (!is_right) refuse(text, "1 to 65536 steps and a guidance of 0 to 100");
  return sampling;
}

std::vector<DreamedFrame> frames_from(std::string_view text) {
  std::vector<DreamedFrame> frames;
  DreamSampling sampling;
  if (text.empty()) return frames;
  for (const auto part : parts_of(text, ',')) {
    if (part.starts_with('@')) {
      sampling = sampling_from(part);
      continue;
    }
    const auto times = part.find('x');
    int64_t count = 1;
    if (times != std::string_view::npos) {
      count = number_from<int64_t>(part.substr(times + 1), "a count of frames after 'x'");
    }
    if (count < 1 || count > kMostDreamedFrames - static_cast<int64_t>(frames.size())) {
      refuse(part, c10::str("1 to ", kMostDreamedFrames, " frames in all"));
    }
    frames.insert(frames.end(), static_cast<size_t>(count),
                  {action_from(part.substr(0, times)), sampling});
  }
  return frames;
}

}  // namespace

std::string to_text(const DreamLog& log) {
  std::string text = c10::str("episode=", log.start.episode, "&start=", log.start.first_frame,
                              "&context=", log.start.context_frames, "&seed=", log.start.seed,
                              "&model=", log.model, "&keys=");
  const auto& frames = log.frames;
  for (size_t i = 0, next = 0; i < frames.size(); i = next) {
    const auto& [action, sampling] = frames[i];
    if (i > 0) text += ',';
    if (i == 0 || sampling != frames[i - 1].sampling) {
      text += c10::str('@', sampling.denoise_steps, ':', number_text(sampling.guidance), ',');
    }
    while (next < frames.size() && frames[next] == frames[i]) ++next;
    text += action_text_of(action);
    if (next - i > 1) text += c10::str('x', next - i);
  }
  return text;
}

DreamLog dream_log_from(const std::string& text) {
  DreamLog log;
  for (const auto part : parts_of(text, '&')) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) refuse(part, "NAME=VALUE, joined by '&'");
    const auto name = part.substr(0, equals), value = part.substr(equals + 1);
    constexpr const char* kWhole = "a whole number";
    if (name == "episode") {
      log.start.episode = number_from<int64_t>(value, kWhole);
    } else if (name == "start") {
      log.start.first_frame = number_from<int64_t>(value, kWhole);
    } else if (name == "context") {
      log.start.context_frames = number_from<int64_t>(value, kWhole);
    } else if (name == "seed") {
      log.start.seed = number_from<uint64_t>(value, kWhole);
    } else if (name == "model") {
      log.model = value;
    } else if (name == "keys") {
      log.frames = frames_from(value);
    } else {
      refuse(part, "one of episode, start, context, seed, model, keys");
    }
  }
  return log;
}

}  // namespace nextframe
