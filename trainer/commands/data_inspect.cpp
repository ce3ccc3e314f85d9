// `nextframe data inspect FILE`: what a shard holds, on at most a screen.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "data/inspect_shard.h"
#include "trainer/commands/command.h"
#include "trainer/commands/read_as_options.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxShown = 16;  // of each part
constexpr size_t kMaxText = 120;  // characters of a name or a value

/// Somebody else's text: without what would move the cursor, and cut.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text.size() <= kMaxText ? text : text.substr(0, kMaxText) + " ...";
}

void print_rest(size_t all, const char* what) {
  if (all > kMaxShown) std::printf("  and %zu more %s\n", all - kMaxShown, what);
}

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
            {"read_as", shard.read_as},
            {"slow_reason", shard.slow_reason},
            {"pixels_layout", shard.pixels_layout},
            {"pixel_bytes", shard.pixel_bytes},
            {"stored_pixel_bytes", shard.stored_pixel_bytes},
            {"file_bytes", shard.file_bytes},
            {"has_checksums", shard.has_checksums},
            {"actions", shard.actions},
            {"attributes", shard.attributes}};
  if (!shard.action_counts.empty()) json["action_counts"] = shard.action_counts;
  if (!shard.action_presses.empty()) json["action_presses"] = shard.action_presses;
  if (!shard.action_names.empty()) json["action_names"] = shard.action_names;
  if (!shard.action_low.empty()) json["action_low"] = shard.action_low;
  if (!shard.action_high.empty()) json["action_high"] = shard.action_high;
  if (!shard.action_bins.empty()) json["action_bins"] = shard.action_bins;
  if (const auto scale = scale_of(shard.action_columns); !scale.is_empty()) {
    json["action_centre"] = scale.centre;
    json["action_scale"] = scale.scale;
  }
  if (!shard.problem.empty()) json["problem"] = shard.problem;
  const auto& look = shard.look;
  json["look"] = {{"frames", look.frames},     {"brightness", look.brightness},
                  {"contrast", look.contrast}, {"black_share", look.black_share},
                  {"motion", look.motion},     {"still_share", look.still_share}};
  const auto& alignment = shard.alignment;
  if (alignment.pairs > 0) {
    json["alignment"] = {{"pairs", alignment.pairs},
                         {"as_read", alignment.as_read},
                         {"one_later", alignment.one_later},
                         {"one_earlier", alignment.one_earlier}};
  }
  return json;
}

std::string name_of(const ShardSummary& shard, size_t action) {
  return action < shard.action_names.size() ? printable(shard.action_names[action]) : "";
}

/// One line: a share of the frames as a number and as a bar.
void print_share(const ShardSummary& shard, size_t action, int64_t count) {
  const double share = static_cast<double>(count) / static_cast<double>(shard.frames);
  const auto name = name_of(shard, action);
  std::printf("  %4zu  %5.1f %%  %s%s\n", action, 100 * share,
              name.empty() ? "" : (name + "  ").c_str(),
              std::string(static_cast<size_t>(40 * share), '#').c_str());
}

/// How long each button is held.
void print_buttons(const ShardSummary& shard) {
  const auto& presses = shard.action_presses;
  for (size_t b = 0; b < std::min(presses.size(), kMaxShown); ++b) {
    print_share(shard, b, presses[b]);
  }
  print_rest(presses.size(), "buttons");
}

/// All choices in their order, or the most frequent ones where there are many.
void print_choices(const ShardSummary& shard) {
  const auto& counts = shard.action_counts;
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t num_lines = std::min(order.size(), kMaxShown);
  if (order.size() > kMaxShown) {
    std::partial_sort(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(num_lines), order.end(),
        [&](size_t a, size_t b) { return counts[a] != counts[b] ? counts[a] > counts[b] : a < b; });
  }
  for (size_t i = 0; i < num_lines; ++i) {
    print_share(shard, order[i], counts[order[i]]);
  }
  if (order.size() <= kMaxShown) return;
  const auto unused = std::count(counts.begin(), counts.end(), int64_t{0});
  std::printf("  these are the most frequent; and %zu more, %lld of all never occur\n",
              order.size() - kMaxShown, static_cast<long long>(unused));
}

/// Sixteen blocks, as high as the counts.
std::string bars(const std::vector<int64_t>& bins) {
  static const std::vector<std::string> kBars{" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                              "\u2585", "\u2586", "\u2587", "\u2588"};
  const int64_t most = std::max<int64_t>(*std::max_element(bins.begin(), bins.end()), 1);
  std::string text;
  for (const int64_t count : bins) {
    text += kBars[static_cast<size_t>((count * 8 + most - 1) / most)];
  }
  return text;
}

/// Whether the actions stand at the frames that they lead from.
void print_alignment(const AlignmentEvidence& evidence) {
  if (evidence.pairs == 0) return;
  std::printf(
      "alignment   the action in row t explains %.1f %% of the motion from frame t to t+1; "
      "in row t+1 %.1f %%, in row t-1 %.1f %%\n",
      100 * evidence.as_read, 100 * evidence.one_later, 100 * evidence.one_earlier);
  if (evidence.is_later_better()) {
    std::printf(
        "warning     the actions seem to have led to the frames of their rows: import the "
        "source with --action-alignment before, or set the attribute action_alignment of a "
        "foreign file to 'before'\n");
  } else if (evidence.is_earlier_better()) {
    std::printf(
        "warning     the actions seem to stand a row too early: if --action-alignment "
        "before or an attribute action_alignment moved them, leave it out\n");
  }
}

void print_look(const FrameStatistics& look, const std::string& problem) {
  if (!problem.empty()) {
    std::printf("damaged     %s\n", printable(problem).c_str());
    return;
  }
  if (look.frames == 0) return;
  std::printf("brightness  mean %.3f, deviation %.3f (of 1); %.1f %% of frames are black\n",
              look.brightness, look.contrast, 100 * look.black_share);
  std::printf(
      "motion      %.4f a value and frame (of 1); %.1f %% of frames are the same as the one "
      "before\n",
      look.motion, 100 * look.still_share);
}

void print_actions(const ShardSummary& shard) {
  std::printf("actions     %s\n", shard.actions.c_str());
  print_choices(shard);
  print_buttons(shard);
  for (size_t a = 0; a < std::min(shard.action_low.size(), kMaxShown); ++a) {
    std::printf("  %4zu  %s  %g to %g  %s\n", a, bars(shard.action_bins[a]).c_str(),
                shard.action_low[a], shard.action_high[a], name_of(shard, a).c_str());
  }
  print_rest(shard.action_low.size(), "numbers");
  if (shard.action_columns.empty()) return;
  const auto scale = scale_of(shard.action_columns);
  std::printf("            by this shard, training would standardise them: %s\n",
              printable(describe(scale, shard.action_names)).c_str());
  const auto& columns = shard.action_columns;
  const std::string begin = "warning     this shard";
  for (const auto& line : constant_columns(begin, columns, shard.action_names)) {
    std::printf("%s\n", printable(line).c_str());
  }
  for (const auto& line :
       columns_out_of_range(begin, columns, scale, shard.action_names, "look for wrong values")) {
    std::printf("%s\n", printable(line).c_str());
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
  if (!shard.read_as.empty()) std::printf("read as     %s\n", shard.read_as.c_str());
  if (!shard.slow_reason.empty()) {
    std::printf("slow        %s; `nextframe data import %s --out DIR` repacks it\n",
                shard.slow_reason.c_str(), path.c_str());
  }
  print_look(shard.look, shard.problem);
  print_actions(shard);
  print_alignment(shard.alignment);
  std::printf("columns\n");
  for (size_t i = 0; i < std::min(shard.columns.size(), kMaxShown); ++i) {
    const auto& column = shard.columns[i];
    std::string shape;
    for (const auto size : column.shape)
      shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    std::printf("  %-16s %-8s [%s]\n", printable(column.name).c_str(),
                printable(column.type).c_str(), shape.c_str());
  }
  print_rest(shard.columns.size(), "columns");
  std::printf("attributes%s\n", shard.attributes.empty() ? "  none" : "");
  size_t line = 0;
  for (const auto& [name, value] : shard.attributes) {
    if (line++ == kMaxShown) break;
    std::printf("  %-16s %s\n", printable(name).c_str(), printable(value).c_str());
  }
  print_rest(shard.attributes.size(), "attributes");
}

int inspect(const std::string& path, const ReadAs& read_as, bool as_json) {
  const ShardSummary shard = inspect_shard(path, read_as);
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
  app.add_option("FILE", *path, "an HDF5 shard")->required();
  app.add_flag("--json", *as_json, "print one JSON value on standard output");
  const auto read_as = add_read_as_options(app);
  return [=] { return inspect(*path, *read_as, *as_json); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_inspect, "data inspect", "print what a shard holds",
                    nextframe::set_up_data_inspect)
