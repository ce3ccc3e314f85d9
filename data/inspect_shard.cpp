#include "data/inspect_shard.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/h5.h"
#include "data/h5_type.h"
#include "data/shard_reader.h"

namespace nextframe {
namespace {

constexpr int64_t kBins = 16;
constexpr int64_t kSampleBytes = int64_t{48} << 20;     // of frames that are looked at
constexpr int64_t kSlowSampleBytes = int64_t{4} << 20;  // where frames are stored in tiles
constexpr int64_t kMaxCounted = 1 << 20;                // choices; more are not counted one by one

std::map<std::string, std::string> read_attributes(const H5File& file) {
  std::map<std::string, std::string> attributes;
  for (const auto& name : attribute_names(file)) attributes[name] = describe_attribute(file, name);
  return attributes;
}

std::vector<ColumnSummary> read_columns(const H5File& file) {
  const H5Lock lock;
  std::vector<ColumnSummary> columns;
  for (const auto& name : h5_names(file)) {
    H5O_info_t info;
    H5L_info_t link;
    const bool is_here = H5Lget_info(file.get(), name.c_str(), &link, H5P_DEFAULT) >= 0 &&
                         link.type == H5L_TYPE_HARD;
    if (is_here && (H5Oget_info_by_name1(file.get(), name.c_str(), &info, H5P_DEFAULT) < 0 ||
                    info.type != H5O_TYPE_DATASET)) {
      continue;
    }
    try {
      const H5Dataset dataset = open_dataset(file, name);
      const H5Type type(H5Dget_type(dataset.get()), "read a type");
      const auto shape = h5_shape(dataset);
      columns.push_back({name, describe_type(type).name, {shape.begin(), shape.end()}});
    } catch (const DataError& error) {
      columns.push_back({name, error.what(), {}});
    }
  }
  return columns;
}

std::vector<int64_t> bins_of(const at::Tensor& numbers, double low, double high) {
  const double width = std::max(high - low, 1e-30) / kBins;
  const at::Tensor bins = ((numbers.to(at::kDouble) - low) / width).clamp(0, kBins - 1);
  const at::Tensor counts = bins.to(at::kLong).bincount({}, kBins);
  return {counts.const_data_ptr<int64_t>(), counts.const_data_ptr<int64_t>() + kBins};
}

void summarise_actions(const ShardReader& shard, ShardSummary& summary) {
  const at::Tensor& actions = shard.actions();
  summary.actions = "none";
  if (!actions.defined() || actions.numel() == 0) return;
  if (actions.scalar_type() == at::kLong) {
    const int64_t largest = actions.max().item<int64_t>();
    const int64_t width = std::max(shard.action_space().width, largest + 1);
    summary.actions = c10::str("discrete ", width);
    summary.action_names = shard.action_space().names;
    if (width > kMaxCounted) return;
    const at::Tensor counts = actions.bincount({}, width);
    const auto* begin = counts.const_data_ptr<int64_t>();
    summary.action_counts.assign(begin, begin + counts.numel());
    return;
  }
  if (shard.action_space().kind == ActionSpace::Kind::multi_binary) {
    const at::Tensor presses = actions.to(at::kLong).sum(0);
    const auto* begin = presses.const_data_ptr<int64_t>();
    summary.actions = c10::str("multi_binary ", presses.numel());
    summary.action_presses.assign(begin, begin + presses.numel());
    summary.action_names = shard.action_space().names;
    return;
  }
  for (int64_t a = 0; a < actions.size(1); ++a) {
    const at::Tensor numbers = actions.select(1, a).contiguous();
    const double low = numbers.min().item<double>(), high = numbers.max().item<double>();
    summary.action_low.push_back(low);
    summary.action_high.push_back(high);
    summary.action_bins.push_back(bins_of(numbers, low, high));
  }
  summary.action_columns = measure_actions(std::span(&shard, 1));
  summary.actions = c10::str("continuous ", actions.size(1));
  summary.action_names = shard.action_space().names;
}

/// What is damaged does not keep one from seeing the rest.
void look_at_frames(const ShardReader& shard, bool is_fast, ShardSummary& summary) {
  try {
    const auto sample = sample_frames(shard, is_fast ? kSampleBytes : kSlowSampleBytes);
    summary.look = frame_statistics(sample);
    summary.alignment = alignment_evidence(sample, shard.action_space());
  } catch (const DataError& error) {
    summary.problem = error.what();
  }
}

}  // namespace

ShardSummary inspect_shard(const std::filesystem::path& path, const ReadAs& read_as) {
  const ShardReader shard(path, {}, read_as);
  const H5File file = open_h5(path);
  ShardSummary summary;
  summary.attributes = read_attributes(file);
  summary.columns = read_columns(file);
  const auto opened = shard.frames();
  const FrameColumn& frames = *opened;
  summary.read_as = shard.describe_layout();
  summary.slow_reason = shard.slow_reason();
  summary.pixels_layout = frames.layout();
  summary.frames = frames.num_frames();
  summary.episodes = static_cast<int64_t>(shard.episode_frames().size());
  if (summary.episodes > 0) {
    const auto [low, high] =
        std::minmax_element(shard.episode_frames().begin(), shard.episode_frames().end());
    summary.shortest_episode = *low;
    summary.longest_episode = *high;
  }
  summary.pixel_bytes = frames.num_frames() * frames.frame_bytes();
  summary.stored_pixel_bytes = frames.stored_bytes();
  summary.file_bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  summary.has_checksums = frames.has_checksum();
  summarise_actions(shard, summary);
  look_at_frames(shard, frames.is_direct(), summary);
  return summary;
}

}  // namespace nextframe
