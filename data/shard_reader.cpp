#include "data/shard_reader.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <numeric>
#include <utility>

#include "data/column.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

bool has_h5_signature(const std::filesystem::path& path) {
  constexpr std::array<char, 8> kSignature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
  std::array<char, 8> start{};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path.string() + ": cannot be opened: " + std::strerror(errno));
  file.read(start.data(), start.size());
  return start == kSignature;
}

/// A size that differs from index.json means a shard cut short, or another shard of this name.
void check_size(const std::filesystem::path& path, int64_t expected_bytes) {
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  if (bytes == expected_bytes) return;
  throw DataError(c10::str(path.string(), ": has ", bytes, " bytes, but index.json says ",
                           expected_bytes, bytes < expected_bytes ? " (truncated)" : " (replaced)",
                           "; copy or make the shard again"));
}

H5File open_shard(const std::filesystem::path& path, std::optional<int64_t> expected_bytes) {
  if (!std::filesystem::exists(path)) throw DataError(path.string() + ": no such file");
  if (expected_bytes) check_size(path, *expected_bytes);
  if (!has_h5_signature(path)) {
    throw DataError(path.string() +
                    ": not an HDF5 file; needed: a shard (docs/file-formats.md), which "
                    "`nextframe data import` makes from other layouts");
  }
  try {
    return open_h5(path);
  } catch (const DataError&) {
    throw DataError(path.string() + ": HDF5 cannot open it: it is truncated or damaged (" +
                    std::to_string(std::filesystem::file_size(path)) +
                    " bytes); copy or make the shard again");
  }
}

/// Runs `read` and puts the file's name before what it throws.
template <class Read>
auto named(const std::filesystem::path& path, Read read) {
  try {
    return read();
  } catch (const DataError& error) {
    throw DataError(path.string() + ": " + error.what());
  }
}

std::vector<int64_t> read_integers(const H5File& file, const std::string& name) {
  if (!h5_has(file, name)) {
    throw DataError("has no column '" + name +
                    "'; needed: ep_len [E] and ep_offset [E], the length and first row of each "
                    "episode");
  }
  const at::Tensor values = read_column(file, name);
  if (values.scalar_type() != at::kLong || values.dim() != 1) {
    throw DataError("column '" + name + "' must hold integers [E]");
  }
  const auto* begin = values.const_data_ptr<int64_t>();
  return {begin, begin + values.numel()};
}

}  // namespace

ShardReader::ShardReader(std::filesystem::path path, std::optional<int64_t> expected_bytes)
    : path_(std::move(path)),
      file_(open_shard(path_, expected_bytes)),
      frames_(named(path_, [&] { return FrameColumn(file_); })) {
  named(path_, [&] {
    read_attributes();
    read_episodes();
    read_actions();
  });
}

void ShardReader::read_attributes() {
  if (read_text_attribute(file_, "format") != "nextframe") return;
  const std::string version = read_text_attribute(file_, "format_version").value_or("");
  if (!version.starts_with("1.")) {
    throw DataError("is of format version '" + version + "', needed 1.x; update nextframe");
  }
  if (read_integer_attribute(file_, "complete") != 1) {
    throw DataError("is incomplete: its writer did not finish; make the shard again");
  }
  if (!frames_.has_checksum()) {
    throw DataError("its frames (" + frames_.layout() +
                    ") have no fletcher32 checksums, which format 1.0 demands; it is damaged, or "
                    "its writer must set fletcher32");
  }
  is_ours_ = true;
  dataset_uuid_ = read_text_attribute(file_, "dataset_uuid").value_or("");
}

void ShardReader::read_episodes() {
  episode_frames_ = read_integers(file_, "ep_len");
  episode_offsets_ = read_integers(file_, "ep_offset");
  const int64_t total = std::accumulate(episode_frames_.begin(), episode_frames_.end(), int64_t{0});
  if (episode_offsets_.size() != episode_frames_.size() || total != frames_.num_frames()) {
    throw DataError(c10::str("ep_len has ", episode_frames_.size(), " episodes of ", total,
                             " frames in all, ep_offset ", episode_offsets_.size(),
                             " episodes, pixels ", frames_.num_frames(),
                             " frames; needed: one length an episode, and their sum = T"));
  }
  int64_t next_row = 0;
  for (size_t e = 0; e < episode_frames_.size(); ++e) {
    const int64_t begin = episode_offsets_[e], length = episode_frames_[e];
    const bool is_inside = begin >= 0 && length >= 0 && begin <= frames_.num_frames() - length;
    const bool is_in_order = begin == std::exchange(next_row, begin + length);
    if (!is_inside || (is_ours_ && !is_in_order)) {  // others may order episodes as they like
      throw DataError(c10::str("episode ", e, " is rows [", begin, ", ", begin + length, ") of ",
                               frames_.num_frames(), "; check ep_len and ep_offset"));
    }
  }
}

void ShardReader::read_actions() {
  const auto declared = read_text_attribute(file_, "action_space");
  if (declared) action_space_ = action_space_from_json(*declared);
  if (!h5_has(file_, "action")) {
    if (action_space_.kind != Kind::none) {
      throw DataError("declares an action_space but has no column 'action'; write both or neither");
    }
    return;
  }
  actions_ = read_column(file_, "action");
  if (actions_.dim() == 2 && actions_.size(1) == 1 && actions_.scalar_type() == at::kLong) {
    actions_ = actions_.squeeze(1);
  }
  if (actions_.dim() < 1 || actions_.dim() > 2 || actions_.size(0) != frames_.num_frames()) {
    throw DataError(c10::str("column 'action' is ", actions_.sizes(), " for ", frames_.num_frames(),
                             " frames; needed: integers [T], or numbers [T, A]"));
  }
  const bool discrete = actions_.dim() == 1 && actions_.scalar_type() == at::kLong;
  if (!discrete) actions_ = actions_.to(at::kFloat).view({frames_.num_frames(), -1}).contiguous();
  const int64_t width = discrete ? action_space_.width : actions_.size(1);
  const auto kind = discrete ? Kind::discrete : Kind::continuous;
  if (declared && (action_space_.kind != kind || action_space_.width != width)) {
    throw DataError(c10::str("column 'action' is ", actions_.sizes(),
                             ", but the attribute action_space says ", *declared));
  }
  action_space_.kind = kind;
  action_space_.width = width;
  if (!discrete) check_finite_actions();
}

/// Some writers put NaN where no action was taken, after an episode's last frame: zero there.
void ShardReader::check_finite_actions() {
  for (size_t e = 0; e < episode_frames_.size(); ++e) {
    if (episode_frames_[e] > 0) {
      actions_[episode_offsets_[e] + episode_frames_[e] - 1].nan_to_num_(0.0);
    }
  }
  const at::Tensor bad_rows = at::isfinite(actions_).all(1).logical_not().nonzero();
  if (bad_rows.numel() > 0) {
    throw DataError(c10::str("column 'action' is not finite at frame ", bad_rows[0].item<int64_t>(),
                             "; only an episode's last action may be NaN"));
  }
}

/// The episodes that own rows [first, last): "episode 3" or "episodes 3 to 5".
std::string ShardReader::episodes_of(int64_t first, int64_t last) const {
  std::vector<size_t> touched;
  for (size_t e = 0; e < episode_frames_.size(); ++e) {
    const int64_t begin = episode_offsets_[e], end = begin + episode_frames_[e];
    if (begin < last && end > first) touched.push_back(e);
  }
  if (touched.empty()) return "no episode";
  if (touched.size() == 1) return c10::str("episode ", touched.front());
  return c10::str("episodes ", touched.front(), " to ", touched.back());
}

std::string ShardReader::describe(const DamagedFrames& damage) const {
  const int64_t chunk_frames = frames_.chunk_frames();
  const std::string chunk =
      chunk_frames > 0 ? c10::str("chunk ", damage.first / chunk_frames, ", ") : "";
  return c10::str(path_.string(), ": ", chunk, "frames ", damage.first, " to ", damage.last - 1,
                  ", ", episodes_of(damage.first, damage.last), ": ", damage.what());
}

void ShardReader::read_frames(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  try {
    frames_.read(first, count, stride, out);
  } catch (const DamagedFrames& damage) {
    throw DataError(describe(damage) +
                    "; copy or make the shard again, or set data.on_corrupt: skip");
  }
}

std::string ShardReader::problem_of_chunk(int64_t chunk) const {
  try {
    frames_.check_chunk(chunk);
    return "";
  } catch (const DamagedFrames& damage) {
    return describe(damage);
  }
}

}  // namespace nextframe
