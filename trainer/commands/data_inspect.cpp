// This file is `nextframe data inspect FILE`: what a shard holds.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data/inspect_shard.h"
#include "trainer/commands/command.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const ShardSummary& shard) {
  Json columns = Json::array();
  for (const auto& column : shard.columns) {
    columns.push_back({{"name", column.name}, {"type", column.type}, {"shape", column.shape}});
  }
  Json json{{"frames", shard.frames},
            {"episodes", shard.episodes},
            {"shortest_episode", shard.shortest_episode},
            {"longest_episode", shard.longest_episode},
            {"columns", columns},
            {"pixels_layout", shard.pixels_layout},
            {"pixel_bytes", shard.pixel_bytes},
            {"stored_pixel_bytes", shard.stored_pixel_bytes},
            {"file_bytes", shard.file_bytes},
            {"has_checksums", shard.has_checksums},
            {"actions", shard.actions},
            {"attributes", shard.attributes}};
  if (!shard.action_counts.empty()) json["action_counts"] = shard.action_counts;
  if (!shard.action_low.empty()) json["action_low"] = shard.action_low;
  if (!shard.action_high.empty()) json["action_high"] = shard.action_high;
  return json;
}

void print_actions(const ShardSummary& shard) {
  std::printf("actions     %s\n", shard.actions.c_str());
  for (size_t a = 0; a < shard.action_counts.size(); ++a) {
    const double share =
        static_cast<double>(shard.action_counts[a]) / static_cast<double>(shard.frames);
    std::printf("  %4zu  %5.1f %%  %s\n", a, 100 * share,
                std::string(static_cast<size_t>(40 * share), '#').c_str());
  }
  for (size_t a = 0; a < shard.action_low.size(); ++a) {
    std::printf("  %4zu  %g to %g\n", a, shard.action_low[a], shard.action_high[a]);
  }
}

void print(const std::string& path, const ShardSummary& shard) {
  std::printf("%s  %.1f MB\n", path.c_str(), static_cast<double>(shard.file_bytes) / 1e6);
  std::printf("episodes    %lld, of %lld to %lld frames, %lld frames in all\n",
              static_cast<long long>(shard.episodes),
              static_cast<long long>(shard.shortest_episode),
              static_cast<long long>(shard.longest_episode), static_cast<long long>(shard.frames));
  const double ratio = static_cast<double>(shard.pixel_bytes) /
                       static_cast<double>(std::max<int64_t>(shard.stored_pixel_bytes, 1));
  std::printf("pixels      %s; stored %.2f times smaller; %s\n", shard.pixels_layout.c_str(), ratio,
              shard.has_checksums ? "a checksum a chunk" : "no checksums");
  print_actions(shard);
  std::printf("columns\n");
  for (const auto& column : shard.columns) {
    std::string shape;
    for (const auto size : column.shape)
      shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    std::printf("  %-16s %-8s [%s]\n", column.name.c_str(), column.type.c_str(), shape.c_str());
  }
  std::printf("attributes%s\n", shard.attributes.empty() ? "  none" : "");
  for (const auto& [name, value] : shard.attributes) {
    std::printf("  %-16s %s\n", name.c_str(), value.c_str());
  }
}

int inspect(const std::string& path, bool as_json) {
  const ShardSummary shard = inspect_shard(path);
  if (as_json) {
    std::puts(to_json(shard).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print(path, shard);
  }
  return 0;
}

CommandBody set_up_data_inspect(CLI::App& app) {
  app.group(kDataCommands);
  const auto path = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  app.add_option("FILE", *path, "a shard")->required();
  app.add_flag("--json", *as_json, "one JSON value on standard output");
  return [=] { return inspect(*path, *as_json); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_inspect, "data inspect", "What a shard holds", nextframe::set_up_data_inspect)
