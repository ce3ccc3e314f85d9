#include "data/inspect_shard.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/h5.h"
#include "data/shard_reader.h"

namespace nextframe {
namespace {

herr_t collect_attribute_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

std::map<std::string, std::string> read_attributes(const H5File& file) {
  const H5Lock lock;
  std::vector<std::string> names;
  H5Aiterate2(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute_name, &names);
  std::map<std::string, std::string> attributes;
  for (const auto& name : names) {
    const auto text = read_text_attribute(file, name);
    const auto number = read_integer_attribute(file, name);
    if (text || number) attributes[name] = text ? *text : std::to_string(*number);
  }
  return attributes;
}

std::string type_name(const H5Dataset& dataset) {
  const H5Type type(H5Dget_type(dataset.get()), "read a type");
  const auto bits = std::to_string(8 * H5Tget_size(type.get()));
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      return (H5Tget_sign(type.get()) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_FLOAT:
      return "float" + bits;
    case H5T_ENUM:
      return "bool";
    case H5T_STRING:
      return "text";
    default:
      return "other";
  }
}

std::vector<ColumnSummary> read_columns(const H5File& file) {
  const H5Lock lock;
  std::vector<ColumnSummary> columns;
  for (const auto& name : h5_names(file)) {
    H5O_info_t info;
    const bool is_known = H5Oget_info_by_name1(file.get(), name.c_str(), &info, H5P_DEFAULT) >= 0;
    if (!is_known || info.type != H5O_TYPE_DATASET) continue;
    const H5Dataset dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), "open " + name);
    const auto shape = h5_shape(dataset);
    columns.push_back({name, type_name(dataset), {shape.begin(), shape.end()}});
  }
  return columns;
}

void summarise_actions(const ShardReader& shard, ShardSummary& summary) {
  const at::Tensor& actions = shard.actions();
  summary.actions = "none";
  if (!actions.defined() || actions.numel() == 0) return;
  if (actions.scalar_type() == at::kLong) {
    const at::Tensor counts = actions.bincount({}, shard.action_space().width);
    const auto* begin = counts.const_data_ptr<int64_t>();
    summary.action_counts.assign(begin, begin + counts.numel());
    summary.actions = c10::str("discrete ", counts.numel());
    return;
  }
  for (int64_t a = 0; a < actions.size(1); ++a) {
    summary.action_low.push_back(actions.select(1, a).min().item<double>());
    summary.action_high.push_back(actions.select(1, a).max().item<double>());
  }
  summary.actions = c10::str("continuous ", actions.size(1));
}

}  // namespace

ShardSummary inspect_shard(const std::filesystem::path& path) {
  const ShardReader shard(path);
  const H5File file = open_h5(path);
  ShardSummary summary;
  summary.attributes = read_attributes(file);
  summary.columns = read_columns(file);
  const FrameColumn& frames = shard.frames();
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
  return summary;
}

}  // namespace nextframe
