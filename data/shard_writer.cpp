#include "data/shard_writer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <thread>

#include "data/column.h"
#include "data/durable_file.h"

namespace nextframe {
namespace {

constexpr int64_t kGroupChunks = 32;              // compressed together, in threads
constexpr size_t kGroupBytes = size_t{32} << 20;  // enough of large ones
constexpr unsigned kZstdLevelValue = 3, kGzipLevelValue = 4;

/// Runs work(0) ... work(count - 1) on the machine's cores; the first error is thrown here.
void in_threads(int64_t count, const std::function<void(int64_t)>& work) {
  std::atomic<int64_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto body = [&] {
    try {
      for (int64_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::lock_guard guard(error_mutex);
      error = std::current_exception();
    }
  };
  const int64_t cores = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, 8);
  {
    std::vector<std::jthread> threads;
    for (int64_t i = 1; i < std::min(cores, count); ++i) threads.emplace_back(body);
    body();
  }
  if (error) std::rethrow_exception(error);
}

void add_filters(const H5PropertyList& creation, const ChunkCodec& codec) {
  for (const int id : codec.filter_ids()) {
    const unsigned level = id == H5Z_FILTER_DEFLATE ? kGzipLevelValue : kZstdLevelValue;
    const bool has_level = id != H5Z_FILTER_FLETCHER32;
    check_h5(H5Pset_filter(creation.get(), id, H5Z_FLAG_MANDATORY, has_level ? 1 : 0, &level),
             "set a filter of 'pixels'");
  }
}

}  // namespace

int64_t chunk_frames(int64_t frame_bytes) {
  return std::clamp<int64_t>(98304 / std::max<int64_t>(frame_bytes, 1), 1, 16);
}

ShardWriter::ShardWriter(std::filesystem::path path, ShardInfo info, Compression compression)
    : path_(std::move(path)),
      temporary_path_(unfinished_name(path_)),
      info_(std::move(info)),
      codec_(compression) {
  try {
    file_.emplace(create_h5(temporary_path_));
  } catch (const FileError&) {
    remove_temporary();
    throw;
  }
}

/// Closing would write what nobody wants, perhaps to a disk that is full.
ShardWriter::~ShardWriter() {
  if (is_finished_) return;
  if (pixels_) pixels_->abandon();
  file_->abandon();
  remove_temporary();
}

void ShardWriter::remove_temporary() const {
  std::error_code ignored;
  std::filesystem::remove(temporary_path_, ignored);
}

void ShardWriter::append(const RecordedEpisode& episode) {
  if (!pixels_) create_pixels(episode.frames_THWC);
  check(episode);
  const at::Tensor frames_THWC = episode.frames_THWC.contiguous();
  const auto* bytes = frames_THWC.const_data_ptr<uint8_t>();
  waiting_.insert(waiting_.end(), bytes, bytes + frames_THWC.nbytes());
  if (episode.actions.defined()) actions_.push_back(episode.actions);
  for (const auto& column : episode.columns) columns_[column.name].push_back(column.values);
  if (!is_inside_episode_) episode_frames_.push_back(0);
  episode_frames_.back() += static_cast<int32_t>(frames_THWC.size(0));
  is_inside_episode_ = !episode.is_last_part;
  num_frames_ += frames_THWC.size(0);
  write_chunks(/*with_rest=*/false);
}

void ShardWriter::check(const RecordedEpisode& episode) const {
  const auto& frames_THWC = episode.frames_THWC;
  const int64_t num_frames = frames_THWC.size(0);
  if (frames_THWC.sizes().slice(1) != at::IntArrayRef(frame_shape_)) {
    throw DataError(c10::str(path_.string(), ": episode ", episode_frames_.size(), " has frames ",
                             frames_THWC.sizes().slice(1), ", the shard's first one ",
                             at::IntArrayRef(frame_shape_),
                             "; one dataset holds frames of one size [H, W, C]"));
  }
  const bool has_actions = info_.action_space.kind != ActionSpace::Kind::none;
  TORCH_CHECK(episode.actions.defined() == has_actions &&
                  (!has_actions || episode.actions.size(0) == num_frames),
              path_.string(), ": an episode of ", num_frames, " frames needs ",
              has_actions ? num_frames : 0, " actions");
  for (const auto& column : episode.columns) {
    TORCH_CHECK(column.values.size(0) == num_frames, path_.string(), ": column '", column.name,
                "' has ", column.values.size(0), " rows for ", num_frames, " frames");
  }
}

void ShardWriter::create_pixels(const at::Tensor& frames_THWC) {
  TORCH_CHECK(frames_THWC.dim() == 4 && frames_THWC.scalar_type() == at::kByte, path_.string(),
              ": frames must be uint8 [T, H, W, C], got ", frames_THWC.scalar_type(), " ",
              frames_THWC.sizes());
  const H5Writing writing(temporary_path_);
  frame_shape_ = frames_THWC.sizes().slice(1).vec();
  chunk_frames_ = chunk_frames(c10::multiply_integers(frame_shape_));
  std::vector<hsize_t> shape{0}, limit{H5S_UNLIMITED}, chunk{static_cast<hsize_t>(chunk_frames_)};
  for (const int64_t size : frame_shape_) {
    for (auto* sizes : {&shape, &limit, &chunk}) sizes->push_back(static_cast<hsize_t>(size));
  }
  const std::string what = "create 'pixels'";
  const H5Space space(H5Screate_simple(4, shape.data(), limit.data()), what);
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), what);
  check_h5(H5Pset_chunk(creation.get(), 4, chunk.data()), what);
  check_h5(H5Pset_obj_track_times(creation.get(), false), what);
  add_filters(creation, codec_);
  pixels_.emplace(H5Dcreate2(file_->get(), "pixels", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                             creation.get(), H5P_DEFAULT),
                  what);
}

/// Compresses and stores the waiting chunks; the last one may be filled up with zeros.
void ShardWriter::write_chunks(bool with_rest) {
  const auto chunk_bytes =
      static_cast<size_t>(chunk_frames_ * c10::multiply_integers(frame_shape_));
  if (with_rest) waiting_.resize((waiting_.size() + chunk_bytes - 1) / chunk_bytes * chunk_bytes);
  const size_t ready = waiting_.size() / chunk_bytes;
  if (!with_rest && ready < kGroupChunks && ready * chunk_bytes < kGroupBytes) return;
  std::vector<std::vector<uint8_t>> stored(ready);
  std::vector<int64_t> hashes(ready);
  in_threads(static_cast<int64_t>(ready), [&](int64_t i) {
    const auto number = static_cast<size_t>(i);
    const auto frames = std::span(waiting_).subspan(number * chunk_bytes, chunk_bytes);
    stored[number] = codec_.encode(frames);
    hashes[number] = chunk_hash(frames);
  });
  store(stored);
  content_.chunk_hashes.insert(content_.chunk_hashes.end(), hashes.begin(), hashes.end());
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(ready * chunk_bytes));
}

void ShardWriter::store(const std::vector<std::vector<uint8_t>>& chunks) {
  const H5Writing writing(temporary_path_);
  const std::string what = "write frames";
  const auto first_row = static_cast<hsize_t>(stored_chunks_ * chunk_frames_);
  const auto rows = static_cast<hsize_t>(chunk_frames_);
  std::vector<hsize_t> shape = h5_shape(*pixels_);
  shape[0] = std::min(first_row + rows * chunks.size(), static_cast<hsize_t>(num_frames_));
  check_h5(H5Dset_extent(pixels_->get(), shape.data()), what);
  std::array<hsize_t, 4> offset{first_row, 0, 0, 0};
  for (const auto& chunk : chunks) {
    check_h5(H5Dwrite_chunk(pixels_->get(), H5P_DEFAULT, /*filters=*/0, offset.data(), chunk.size(),
                            chunk.data()),
             what);
    offset[0] += rows;
  }
  stored_chunks_ += static_cast<int64_t>(chunks.size());
}

void ShardWriter::write_columns() {
  for (const int32_t frames : episode_frames_) {
    content_.episode_offsets.push_back(content_.episode_frames.empty()
                                           ? 0
                                           : content_.episode_offsets.back() +
                                                 content_.episode_frames.back());
    content_.episode_frames.push_back(frames);
  }
  const H5File& file = *file_;
  if (!actions_.empty()) {
    content_.actions = at::cat(actions_);
    write_column(file, "action", content_.actions);
  }
  for (const auto& [name, parts] : columns_) write_column(file, name, at::cat(parts));
  write_column(file, "ep_len", at::tensor(episode_frames_, at::kInt));
  write_column(file, "ep_offset", at::tensor(content_.episode_offsets, at::kLong));
  write_column(file, kChunkHashColumn, at::tensor(content_.chunk_hashes, at::kLong));
}

void ShardWriter::write_attributes() {
  const H5File& file = *file_;
  write_attribute(file, "format", std::string("nextframe"));
  write_attribute(file, "format_version", std::string("1.1"));
  write_attribute(file, "dataset_uuid", info_.dataset_uuid);
  write_attribute(file, "shard_index", info_.shard_index);
  write_attribute(file, "fps", info_.fps);
  write_attribute(file, "frame_skip", int64_t{1});
  write_attribute(file, "action_space", to_json(info_.action_space));
  write_attribute(file, "action_alignment", std::string("act[t]: obs[t]->obs[t+1]"));
  write_attribute(file, "colorspace", std::string(frame_shape_.back() == 1 ? "GRAY" : "RGB"));
  write_attribute(file, "source", info_.source);
  write_attribute(file, "license", info_.license);
  write_attribute(file, "generator", info_.generator);
  if (!info_.world.empty()) write_attribute(file, "world", info_.world);
  content_.pixels_shape = {num_frames_, frame_shape_[0], frame_shape_[1], frame_shape_[2]};
  content_.chunk_frames = chunk_frames_;
  write_attribute(file, kContentAttribute, content_hash(content_, file));
  write_attribute(file, "complete", int64_t{1});
}

void ShardWriter::finish() {
  if (episode_frames_.empty()) throw DataError(path_.string() + ": a shard needs an episode");
  TORCH_CHECK(!is_inside_episode_, path_.string(), ": its last episode has not ended");
  write_chunks(/*with_rest=*/true);
  {
    const H5Writing writing(temporary_path_);
    write_columns();
    write_attributes();
    check_h5(H5Fflush(file_->get(), H5F_SCOPE_GLOBAL), "flush");
    pixels_->close("close 'pixels'");
    file_->close("close the file");
  }
  sync_file(temporary_path_);
  rename_durably(temporary_path_, path_);
  is_finished_ = true;
}

}  // namespace nextframe
