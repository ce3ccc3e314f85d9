#include "data/import/array_roles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "data/error.h"
#include "data/import/frame_array.h"

namespace nextframe {
namespace {

constexpr std::array kFrameNames{"frames",      "frame", "images", "image", "observations",
                                 "observation", "obs",   "pixels", "rgb",   "videos",
                                 "video",       "imgs",  "img"};
constexpr std::array kActionNames{"actions", "action", "acts", "act"};
constexpr const char *kEnds = "episode_ends", *kFirst = "is_first";
/// True in the last row of an episode; several together mean any of them.
constexpr std::array kLastNames{"is_last",  "is_terminal", "terminals",    "terminal",
                                "dones",    "done",        "terminations", "truncations",
                                "timeouts", "truncated",   "truncateds"};

template <class Names>
bool is_one_of(const Names& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

[[noreturn]] void refuse(const ArrayFile& file, const std::string& what) {
  throw DataError(file.path().string() + ": " + what + " (arrays: " + file.list() + ")");
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "'" : " and '") + name + "'";
  return text;
}

void require_array(const ArrayFile& file, const std::string& name, const std::string& flag) {
  if (file.has(name)) return;
  const auto problem = file.problem_of(name);
  refuse(file,
         flag + " " + name + (problem.empty() ? ": there is no such array" : ": it is " + problem));
}

/// Arrays with the axes of frames under a usual name, or else bytes under any other.
std::vector<std::string> frame_candidates(const ArrayFile& file) {
  std::vector<std::string> usual, other;
  for (const auto& [name, header] : file.arrays()) {
    const size_t axes = header.shape.size();
    if (axes < 3 || axes > 5) continue;
    if (is_one_of(kFrameNames, name)) usual.push_back(name);
    if (header.type == "|u1") other.push_back(name);
  }
  return usual.empty() ? other : usual;
}

std::string find_frames(const ArrayFile& file, const ReadOptions& options) {
  if (!options.frames_key.empty()) {
    require_array(file, options.frames_key, "--frames-key");
    return options.frames_key;
  }
  for (const char* name : kFrameNames) {
    const auto problem = file.problem_of(name);
    if (!problem.empty()) refuse(file, std::string(name) + " is " + problem);
  }
  const auto found = frame_candidates(file);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    refuse(file,
           "has no array 'frames' or the like with 3 to 5 axes; say which one holds them with "
           "--frames-key");
  }
  refuse(file, "could have its frames in " + quoted(found) + "; say which with --frames-key");
}

std::string find_actions(const ArrayFile& file, const ReadOptions& options) {
  if (!options.actions_key.empty()) {
    require_array(file, options.actions_key, "--actions-key");
    return options.actions_key;
  }
  std::vector<std::string> found;
  for (const char* name : kActionNames) {
    const auto problem = file.problem_of(name);
    if (!problem.empty()) refuse(file, std::string(name) + " is " + problem);
    if (file.has(name)) found.emplace_back(name);
  }
  if (found.size() > 1) {
    refuse(file,
           "has arrays " + quoted(found) + "; say which holds the actions with --actions-key");
  }
  return found.empty() ? "" : found.front();
}

/// What begins or ends episodes: one kind of array, the plainest that is there.
std::vector<std::string> find_episodes(const ArrayFile& file) {
  const auto problem = file.problem_of(kEnds);
  if (!problem.empty()) refuse(file, std::string(kEnds) + " is " + problem);
  for (const char* name : {kEnds, kFirst}) {
    if (file.has(name)) return {name};
  }
  std::vector<std::string> found;
  for (const char* name : kLastNames) {
    if (file.has(name)) found.emplace_back(name);
  }
  return found;
}

/// [T] of 0 and 1; DataError for anything else.
at::Tensor read_flags(const ArrayFile& file, const std::string& name, int64_t num_frames) {
  const at::Tensor flags = file.read(name).flatten();
  if (flags.numel() != num_frames || !at::logical_or(flags.eq(0), flags.eq(1)).all().item<bool>()) {
    refuse(file, c10::str(name, " is not one boolean for each of ", num_frames, " frames"));
  }
  return flags.to(at::kBool);
}

/// One after the last row of each episode, [E] ascending up to the number of frames.
bool are_places(const at::Tensor& ends, int64_t num_frames) {
  return !ends.is_floating_point() && ends.dim() == 1 && ends.numel() > 0 &&
         ends.numel() != num_frames && ends[-1].item<int64_t>() == num_frames &&
         ends[0].item<int64_t>() > 0 && ends.diff().gt(0).all().item<bool>();
}

std::vector<int64_t> lengths_between(const std::vector<int64_t>& ends) {
  std::vector<int64_t> lengths;
  int64_t first = 0;
  for (const int64_t end : ends) {
    if (end > first) lengths.push_back(end - first);
    first = end;
  }
  return lengths;
}

}  // namespace

ArrayRoles find_roles(const ArrayFile& file, const ReadOptions& options) {
  ArrayRoles roles;
  roles.frames = find_frames(file, options);
  const auto& header = file.arrays().at(roles.frames);
  std::string problem;
  roles.letters = frame_letters(header, options.frames_layout, file.is_npy(), problem);
  if (roles.letters.empty()) {
    refuse(file, "the array '" + roles.frames + "', " + describe(header) + ", " + problem);
  }
  roles.actions = find_actions(file, options);
  roles.episodes = find_episodes(file);
  for (const auto& [name, unused] : file.arrays()) {
    const bool is_used = name == roles.frames || name == roles.actions ||
                         is_one_of(roles.episodes, name) || name == "action_alignment";
    if (!is_used) roles.ignored.push_back(name);
  }
  return roles;
}

bool is_dreamers(const ArrayFile& file) { return file.has(kFirst); }

std::vector<int64_t> episode_lengths(const ArrayFile& file, const ArrayRoles& roles,
                                     int64_t num_frames) {
  if (roles.episodes.empty()) return {num_frames};
  std::vector<int64_t> ends;
  if (roles.episodes.front() == kEnds) {
    const at::Tensor places = file.read(kEnds);
    if (are_places(places, num_frames)) {
      const auto* begin = places.const_data_ptr<int64_t>();
      return lengths_between({begin, begin + places.numel()});
    }
  }
  const bool are_first = roles.episodes.front() == kFirst;
  at::Tensor flags;
  for (const auto& name : roles.episodes) {
    const auto more = read_flags(file, name, num_frames);
    flags = flags.defined() ? flags.logical_or(more) : more;
  }
  const auto* begin = flags.const_data_ptr<bool>();
  for (int64_t t = 0; t < num_frames; ++t) {
    if (begin[t]) ends.push_back(are_first ? t : t + 1);
  }
  ends.push_back(num_frames);  // the recording may have been cut
  return lengths_between(ends);
}

}  // namespace nextframe
