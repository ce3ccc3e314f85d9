#include "data/shard_reader.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "data/column.h"
#include "data/shard_content.h"
#include "data/shard_index.h"

namespace nextframe {
namespace {

constexpr float kMaxWholeFloat = 1 << 24;

/// A size that differs from index.json means a shard cut short, or another shard of this name.
void check_size(const std::filesystem::path& path, int64_t expected_bytes) {
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  if (bytes == expected_bytes) return;
  throw DataError(c10::str(path.string(), ": has ", bytes, " bytes, but index.json says ",
                           expected_bytes, bytes < expected_bytes ? " (truncated)" : " (replaced)",
                           "; copy or make the shard again"));
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

std::shared_ptr<const OpenShardFile> open_shard(const std::filesystem::path& path,
                                                const ShardFile& file,
                                                std::optional<int64_t> expected_bytes) {
  if (expected_bytes && std::filesystem::is_regular_file(path)) check_size(path, *expected_bytes);
  return file.open();
}

/// Integers, or floats that are whole; [E], or [E, 1] as some writers store a column.
std::vector<int64_t> read_integers(const H5File& file, const std::string& name) {
  if (!h5_has(file, name)) {
    throw DataError("has no column '" + name +
                    "'; needed: ep_len [E] and ep_offset [E], the length and first row of each "
                    "episode");
  }
  const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
    const bool is_list = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
    if (is_list && type.is_number()) return;
    throw DataError(c10::str("column '", name, "' is ", type.name, " [", c10::Join(", ", shape),
                             "]; needed: integers [E], or [E, 1]"));
  };
  const at::Tensor values = read_typed_column(file, name, check).values.flatten();
  const at::Tensor whole = values.to(at::kLong);
  if (at::isFloatingType(values.scalar_type())) {
    // Above 2^24 a float32 may have lost the number that was meant.
    const at::Tensor bad =
        at::logical_or(values.ne(whole.to(at::kFloat)), values.abs().gt(kMaxWholeFloat));
    if (bad.any().item<bool>()) {
      throw DataError("column '" + name +
                      "' holds floating numbers that are not whole and below 2^24; needed: "
                      "integers, one for each episode");
    }
  }
  const auto* begin = whole.const_data_ptr<int64_t>();
  return {begin, begin + whole.numel()};
}

/// "1" of 1.0, "1.0" or "1.1".
bool is_known_version(const std::string& version) {
  return version == "1" || version.starts_with("1.");
}

}  // namespace

/// What the file looked like when its content was last compared.
struct KnownStamp {
  std::mutex mutex;
  FileStamp stamp;
};

ShardReader::ShardReader(std::filesystem::path path, std::optional<int64_t> expected_bytes,
                         ReadAs read_as)
    : path_(std::move(path)), file_(path_, std::move(read_as)) {
  const auto opened = open_shard(path_, file_, expected_bytes);
  table_ = opened->table;
  slow_reason_ = opened->frames.facts()->slow_reason;
  num_frames_ = opened->frames.num_frames();
  num_pieces_ = opened->frames.num_pieces();
  bytes_of_pieces_ = opened->frames.bytes_of_pieces();
  frame_shape_ = {opened->frames.height_px(), opened->frames.width_px(), opened->frames.channels()};
  named(path_, [&] {
    if (table_->is_plain()) read_attributes(*opened);
    table_->is_plain() ? read_episodes(*opened) : take_episodes(*opened);
    check_episodes();
    auto actions = read_shard_actions(opened->file, *table_, num_frames_, episodes_);
    check_content(*opened, actions.stored);
    actions_ = std::move(actions.values);
    action_space_ = std::move(actions.space);
    stored_alignment_ = actions.alignment;
  });
}

ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;

std::shared_ptr<const FrameColumn> ShardReader::frames() const {
  const auto opened = file_.open();
  return {opened, &opened->frames};
}

const ShardIdentity& ShardReader::identify(bool whole) {
  const auto opened = file_.open();
  known_ = std::make_unique<KnownStamp>();
  known_->stamp = opened->stamp();
  identity_ = {.name = as_utf8(path_.filename().string()),
               .frames = num_frames_,
               .episodes = static_cast<int64_t>(episodes_.frames.size()),
               .frame_shape = frame_shape_,
               .episode_hash = hash_of_episodes(episodes_.frames, episodes_.offsets),
               .action_hash = hash_of_actions(actions_),
               .checksum = content_};
  add_frame_hashes(identity_, opened->frames, whole);
  return identity_;
}

/// A file that cannot be opened any more is not damage that one could go on without.
std::shared_ptr<const OpenShardFile> ShardReader::reopen() const {
  try {
    return file_.open();
  } catch (const DataError& error) {
    if (!known_) throw;
    throw DataChanged(std::string(error.what()) + " (it was whole when this run began)");
  }
}

/// HDF5 gives zeros for what lies behind the end of a file that was cut, so this comes after each
/// read. A file that was only touched, or written with what it held, is the same.
void ShardReader::require_unchanged(const OpenShardFile& opened) const {
  if (!known_) return;
  const FileStamp now = opened.stamp();
  const std::lock_guard guard(known_->mutex);
  if (now == known_->stamp) return;
  ShardIdentity identity = identity_;
  if (now.bytes == known_->stamp.bytes) {
    add_frame_hashes(identity, opened.frames, !identity_.frames_hash.empty());
    if (identity == identity_) {
      known_->stamp = now;
      return;
    }
  }
  throw DataChanged(c10::str(path_.string(), ": was written to while it was being read: it had ",
                             known_->stamp.bytes, " bytes, now it has ", now.bytes,
                             ", and its frames are not those that this run began with. Put the "
                             "shard back, or start another run; write new data under new names"));
}

void ShardReader::read_attributes(const OpenShardFile& opened) {
  if (read_text_attribute(opened.file, "format") != "nextframe") return;
  const std::string version = describe_attribute(opened.file, "format_version");
  if (!is_known_version(version)) {
    throw DataError("its attribute format_version is '" + version +
                    "', needed '1.0' or another 1.x; correct it, or update nextframe");
  }
  check_is_complete(opened);
  if (!opened.frames.has_checksum()) {
    throw DataError("its frames (" + opened.frames.layout() +
                    ") have no fletcher32 checksums, which format 1.0 demands; it is damaged, or "
                    "its writer must set fletcher32");
  }
  const bool is_usual = table_->frames.name == "pixels" && !table_->action_space &&
                        (!table_->actions.is_there() || table_->actions.name == "action");
  if (!is_usual) {
    throw DataError(
        "is a shard of nextframe, whose frames are 'pixels' and whose actions are 'action'; leave "
        "data.columns (--frames-key, --actions-key) out");
  }
  is_ours_ = true;
  dataset_uuid_ = read_text_attribute(opened.file, "dataset_uuid").value_or("");
}

/// 1, 1.0 and True all say that the writer came to its end.
void ShardReader::check_is_complete(const OpenShardFile& opened) const {
  const auto complete = read_number_attribute(opened.file, "complete");
  if (complete == 1) return;
  const std::string got = describe_attribute(opened.file, "complete");
  if (!complete && got != "no such attribute") {
    throw DataError("its attribute complete is '" + got + "'; needed: the number 1");
  }
  throw DataError("is incomplete (its attribute complete: " + got +
                  "): its writer did not finish; make the shard again");
}

void ShardReader::read_episodes(const OpenShardFile& opened) {
  episodes_.frames = read_integers(opened.file, "ep_len");
  episodes_.offsets = read_integers(opened.file, "ep_offset");
  int64_t total = 0;
  for (const int64_t length : episodes_.frames) {
    if (length < 0 || __builtin_add_overflow(total, length, &total)) {
      throw DataError(c10::str("ep_len has an episode of ", length,
                               " frames; needed: the length of each episode, and their sum = T"));
    }
  }
  if (episodes_.offsets.size() != episodes_.frames.size() || total != num_frames_) {
    throw DataError(c10::str("ep_len has ", episodes_.frames.size(), " episodes of ", total,
                             " frames in all, ep_offset ", episodes_.offsets.size(),
                             " episodes, pixels ", num_frames_,
                             " frames; needed: one length an episode, and their sum = T"));
  }
}

/// Of other layouts: as the table says, or each dataset of the frames is one.
void ShardReader::take_episodes(const OpenShardFile& opened) {
  episodes_.frames = table_->episode_frames;
  episodes_.offsets = table_->episode_offsets;
  if (!episodes_.frames.empty()) return;
  const auto& first_rows = opened.frames.facts()->first_rows;
  for (size_t i = 0; i + 1 < first_rows.size(); ++i) {
    episodes_.frames.push_back(first_rows[i + 1] - first_rows[i]);
    episodes_.offsets.push_back(first_rows[i]);
  }
}

void ShardReader::check_episodes() const {
  int64_t next_row = 0;
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    const int64_t begin = episodes_.offsets[e], length = episodes_.frames[e];
    const bool is_inside = begin >= 0 && length >= 0 && begin <= num_frames_ - length;
    const bool is_in_order = begin == next_row;
    next_row += length;
    if (!is_inside || (is_ours_ && !is_in_order)) {  // others may order episodes as they like
      throw DataError(c10::str("episode ", e, " is ", length, " rows from ", begin, " on, of ",
                               num_frames_,
                               table_->is_plain() ? "; check ep_len and ep_offset"
                                                  : "; its lists of episodes are damaged"));
    }
  }
  check_no_overlap();
}

/// In whatever order episodes are, no row is in two.
void ShardReader::check_no_overlap() const {
  std::vector<std::pair<int64_t, size_t>> by_offset;
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] > 0) by_offset.emplace_back(episodes_.offsets[e], e);
  }
  std::sort(by_offset.begin(), by_offset.end());
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const auto [begin, next] = by_offset[i];
    const size_t before = by_offset[i - 1].second;
    if (episodes_.offsets[before] + episodes_.frames[before] <= begin) continue;
    throw DataError(c10::str("episode ", next, " begins at row ", begin, ", within episode ",
                             before,
                             table_->is_plain() ? "; check ep_len and ep_offset"
                                                : "; its lists of episodes are damaged"));
  }
}

/// Of our own shards, since format 1.1: nothing that they say differs from what was written.
void ShardReader::check_content(const OpenShardFile& opened, const at::Tensor& actions) {
  const auto expected = read_text_attribute(opened.file, kContentAttribute);
  if (!is_ours_ || !expected) return;
  const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
    if (shape == std::vector{opened.frames.num_chunks()} && type.kind == ElementType::Kind::integer)
      return;
    throw DataError(c10::str("column '", kChunkHashColumn, "' is ", type.name, " [",
                             c10::Join(", ", shape), "] for ", opened.frames.num_chunks(),
                             " chunks of frames; copy or make the shard again"));
  };
  const at::Tensor hashes = read_typed_column(opened.file, kChunkHashColumn, check).values;
  const auto* first = hashes.const_data_ptr<int64_t>();
  ShardContent content{{num_frames_, frame_shape_[0], frame_shape_[1], frame_shape_[2]},
                       opened.frames.chunk_frames(),
                       {first, first + hashes.numel()},
                       episodes_.frames,
                       episodes_.offsets,
                       actions};
  if (content_hash(content, opened.file) != *expected) {
    throw DataError(c10::str("its episodes, actions or attributes are not those of its checksum (",
                             kContentAttribute, "): it is damaged or was changed. Copy or make it ",
                             "again; if the change was meant, delete that attribute"));
  }
  file_.expect_chunk_hashes(std::move(content.chunk_hashes));
  content_ = *expected;
}

std::string ShardReader::describe_layout() const {
  const auto& table = *table_;
  const bool is_usual = table.is_plain() && table.frames.name == "pixels";
  if (is_usual && table.notes.empty()) return "";
  std::string text = c10::str(table.layout, ": ", episodes_.frames.size(),
                              episodes_.frames.size() == 1 ? " episode" : " episodes", ", frames '",
                              table.frames.name, "'");
  text += table.actions.is_there() ? ", actions '" + table.actions.name + "'" : ", no actions";
  if (table.actions.is_there()) {
    text += stored_alignment_ == ActionAlignment::after
                ? " taken at their frames"
                : " that led to their frames, moved by a row";
  }
  for (const auto& note : table.notes) text += "; " + note;
  return text;
}

/// The episodes that own rows [first, last): "episode 3" or "episodes 3 to 5".
std::string ShardReader::episodes_of(int64_t first, int64_t last) const {
  std::vector<size_t> touched;
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    const int64_t begin = episodes_.offsets[e], end = begin + episodes_.frames[e];
    if (begin < last && end > first) touched.push_back(e);
  }
  if (touched.empty()) return "no episode";
  if (touched.size() == 1) return c10::str("episode ", touched.front());
  return c10::str("episodes ", touched.front(), " to ", touched.back());
}

std::string ShardReader::describe(const DamagedRows& damage, int64_t chunk_frames) const {
  const std::string chunk =
      chunk_frames > 0 ? c10::str("chunk ", damage.first / chunk_frames, ", ") : "";
  return c10::str(path_.string(), ": ", chunk, "frames ", damage.first, " to ", damage.last - 1,
                  ", ", episodes_of(damage.first, damage.last), ": ", damage.what());
}

void ShardReader::read_frames(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  const auto opened = reopen();
  try {
    opened->frames.read(first, count, stride, out);
  } catch (const DamagedRows& damage) {
    require_unchanged(*opened);
    throw DataError(describe(damage, opened->frames.chunk_frames()) +
                    "; copy or make the shard again");
  }
  require_unchanged(*opened);
}

std::string ShardReader::problem_of_chunk(int64_t chunk) const {
  const auto opened = file_.open();
  try {
    opened->frames.decode_chunk(chunk);
    return "";
  } catch (const DamagedRows& damage) {
    return describe(damage, opened->frames.chunk_frames());
  }
}

}  // namespace nextframe
