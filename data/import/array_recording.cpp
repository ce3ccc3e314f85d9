#include "data/import/array_recording.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/error.h"

namespace nextframe {
namespace {

constexpr int64_t kMostFrameSide_px = 32768;

void check_frames(const ArrayFile& file, const ArrayRoles& roles, const FrameArray& frames) {
  const auto& header = file.arrays().at(roles.frames);
  const bool is_some = std::ranges::find(header.shape, 0) == header.shape.end();
  const bool is_size =
      frames.height_px() <= kMostFrameSide_px && frames.width_px() <= kMostFrameSide_px;
  if (is_some && is_size && (frames.channels() == 1 || frames.channels() == 3)) return;
  fail_with_arrays(file, "the array '" + roles.frames + "' holds no frames, read as " +
                             roles.letters + "; needed: some of 1 or 3 channels, with at most " +
                             std::to_string(kMostFrameSide_px) + " pixels a side");
}

void find_lengths(ArrayRecording& recording, bool is_of_folder) {
  const auto& frames = recording.frames;
  auto& episodes = recording.roles.episodes;
  if (frames.has_episodes()) {
    recording.lengths.assign(static_cast<size_t>(frames.num_episodes()), frames.num_frames());
    episodes.clear();
    return;
  }
  if (episodes.empty() && !is_of_folder && !recording.file.is_npy()) {
    fail_with_arrays(
        recording.file,
        "has no array 'episode_ends' [T], true in the last row of each episode (also read: "
        "is_first, is_last, terminals, dones ...); if the file is one episode, put it into a "
        "folder of its own and import that");
  }
  recording.lengths = episode_lengths(recording.file, recording.roles, frames.num_frames());
}

/// Rows and width of the actions, whose shape is [T], [T, A], or either of them behind N. DataError
/// for any other.
std::pair<int64_t, int64_t> action_extents(const ArrayRecording& recording) {
  const auto& frames = recording.frames;
  const auto& name = recording.roles.actions;
  auto shape = recording.file.arrays().at(name).shape;
  const bool has_episodes =
      !frames.has_episodes() || (shape.size() >= 2 && shape[0] == frames.num_episodes());
  if (frames.has_episodes() && has_episodes) shape.erase(shape.begin());
  const bool may_miss_one = frames.has_episodes() || recording.lengths.size() == 1;
  const bool is_shape = !shape.empty() && shape.size() <= 2 && shape[0] > 0 && shape.back() > 0;
  if (has_episodes && is_shape &&
      (shape[0] == frames.num_frames() || (may_miss_one && shape[0] + 1 == frames.num_frames()))) {
    return {shape[0] * frames.num_episodes(), shape.size() == 2 ? shape[1] : 1};
  }
  fail_with_arrays(recording.file, c10::str("the array '", name, "' holds no actions of ",
                                            frames.num_episodes(), " x ", frames.num_frames(),
                                            " frames; needed: [T] or [T, A], a row a frame",
                                            frames.has_episodes() ? ", and N before T" : ""));
}

/// Integers [T] or [T, 1] are choices, booleans [T, A] buttons, anything else [T, A] numbers.
at::Tensor read_actions(const ArrayRecording& recording) {
  const auto& file = recording.file;
  const auto [rows, width] = action_extents(recording);
  const at::Tensor values = file.read(recording.roles.actions).reshape({rows, width});
  const bool is_boolean = file.arrays().at(recording.roles.actions).type == "|b1";
  if (is_boolean && width > 1) return values.ne(0).to(at::kByte);
  if (values.is_floating_point() || width > 1) return values.to(at::kFloat);
  if (values.min().item<int64_t>() < 0) {
    fail_with_arrays(
        file, "actions hold a negative integer; choices are 0 to A-1, numbers must be float32");
  }
  check_choice(values.max().item<int64_t>(), file.path().string());
  return values.flatten();
}

}  // namespace

int64_t ArrayRecording::rows_of(size_t episode) const {
  const auto num_episodes = static_cast<int64_t>(lengths.size());
  const bool may_miss_one = frames.has_episodes() || num_episodes == 1;
  return lengths[episode] -
         (may_miss_one ? (num_frames() - actions.size(0)) / num_episodes : int64_t{0});
}

at::Tensor ArrayRecording::aligned_actions(size_t episode, int64_t first_row,
                                           ActionAlignment alignment) const {
  const auto rows = actions.slice(0, first_row, first_row + rows_of(episode));
  return align_actions(rows, lengths[episode], alignment);
}

std::string ArrayRecording::frame_type() const {
  const auto text = describe(file.arrays().at(roles.frames));
  return text.substr(0, text.find(' '));
}

void fail_with_arrays(const ArrayFile& file, const std::string& what) {
  throw DataError(file.path().string() + ": " + what + " (arrays: " + file.list() + ")");
}

ArrayRecording open_recording(const std::filesystem::path& path, const ReadOptions& options,
                              bool is_of_folder) {
  ArrayFile file(path);
  auto roles = find_roles(file, options);
  FrameArray frames(file.arrays().at(roles.frames), roles.letters);
  check_frames(file, roles, frames);
  ArrayRecording recording{std::move(file), std::move(roles), std::move(frames), {}, {}};
  find_lengths(recording, is_of_folder);
  if (!recording.roles.actions.empty()) recording.actions = read_actions(recording);
  return recording;
}

std::optional<ActionAlignment> declared_alignment(const ArrayFile& file,
                                                  const ReadOptions& options) {
  std::optional<std::string> text;
  try {
    text = file.read_text("action_alignment");
  } catch (const DataError& error) {
    fail_with_arrays(file, std::string("action_alignment is ") + error.what());
  }
  if (!text) return std::nullopt;
  const auto declared = action_alignment_from(*text);
  if (!declared) {
    fail_with_arrays(file, "action_alignment is '" + *text + "'; known are 'after' and 'before'");
  }
  if (options.alignment && *options.alignment != *declared) {
    throw DataError(file.path().string() + ": its array action_alignment says '" + *text +
                    "', but --action-alignment says otherwise; leave the option out, or take the "
                    "array out of the file");
  }
  return declared;
}

void look_at_values(const ArrayRecording& recording, double& low, double& high) {
  const auto& frames = recording.frames;
  ZipStream stream = recording.file.open(recording.roles.frames);
  const int64_t most = frames_of_a_part(frames.frame_bytes());
  for (int64_t first = 0; first < recording.num_frames(); first += most) {
    const int64_t count = std::min(most, recording.num_frames() - first);
    const auto stored = frames.read(stream, count).to(at::kFloat);
    if (!at::isfinite(stored).all().item<bool>()) {
      fail_with_arrays(recording.file, c10::str("frames ", first, " to ", first + count - 1,
                                                " hold values that are not finite"));
    }
    low = std::min(low, stored.min().item<double>());
    high = std::max(high, stored.max().item<double>());
  }
}

}  // namespace nextframe
