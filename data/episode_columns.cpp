#include "data/episode_columns.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "data/stored_rows.h"

namespace nextframe {
namespace {

constexpr std::array kKnownColumns{"pixels",    "action", "actions",
                                   "ep_offset", "ep_len", "pixels_xxh3"};

/// Runs `read` with the episode's open shard, and puts the file's name before what it throws.
template <class Read>
auto with_shard(const EpisodeRows& rows, Read read) {
  const H5File file = open_h5(rows.shard);
  try {
    return read(file);
  } catch (const DamagedRows& damage) {
    throw DataError(c10::str(rows.shard.string(), ": ", damage.what(), "; copy or make it again"));
  } catch (const DataError& error) {
    throw DataError(rows.shard.string() + ": " + error.what());
  }
}

/// A foreign file may hold anything; what is no column of numbers is none.
bool is_column(const H5File& file, const std::string& name, int64_t rows_needed) {
  if (std::count(kKnownColumns.begin(), kKnownColumns.end(), name) > 0) return false;
  try {
    const StoredRows rows(file, name);
    return rows.type().is_number() && !rows.shape().empty() && rows.num_rows() >= rows_needed;
  } catch (const DataError&) {
    return false;
  }
}

}  // namespace

std::vector<std::string> column_names(const Dataset& dataset, int64_t episode) {
  const auto place = dataset.rows_of(episode);
  if (!place.has_columns) return {};
  return with_shard(place, [&](const H5File& file) {
    std::vector<std::string> names;
    for (const auto& name : h5_names(file)) {
      if (is_column(file, name, place.first_row + place.frames)) names.push_back(name);
    }
    return names;
  });
}

at::Tensor read_column(const Dataset& dataset, int64_t episode, const std::string& name,
                       int64_t first_frame, int64_t count) {
  const auto place = dataset.rows_of(episode);
  TORCH_CHECK(first_frame >= 0 && count >= 1 && first_frame + count <= place.frames,
              "dataset: episode ", episode, " has ", place.frames, " frames, not ", count, " from ",
              first_frame, " on");
  const int64_t stride = dataset.stride_frames(), frames = (count - 1) / stride + 1;
  return with_shard(place, [&](const H5File& file) {
    if (!place.has_columns || !is_column(file, name, place.first_row + place.frames)) {
      throw DataError("it has no column '" + name + "' with a number a frame");
    }
    const StoredRows rows(file, name);
    std::vector<uint8_t> stored(static_cast<size_t>(frames * rows.row_bytes()));
    rows.read(place.first_row + first_frame, frames, stride, stored.data());
    auto shape = rows.shape();
    shape[0] = frames;
    const at::Tensor values = at::empty(shape, at::kFloat);
    auto* out = values.data_ptr<float>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      out[i] = static_cast<float>(number_at(rows.type(), stored.data() + i * rows.type().bytes));
    }
    return values;
  });
}

std::optional<WorldOrigin> origin_of(const Dataset& dataset, int64_t episode) {
  const auto place = dataset.rows_of(episode);
  return with_shard(place, [&](const H5File& file) -> std::optional<WorldOrigin> {
    const auto text = read_text_attribute(file, "world");
    if (!text || read_text_attribute(file, "format") != "nextframe") return std::nullopt;
    auto origin = world_origin_from_json(*text);
    origin.first.index += static_cast<uint64_t>(place.episode);
    return origin;
  });
}

}  // namespace nextframe
