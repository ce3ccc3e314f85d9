#include "data/layouts/demo_groups.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "data/h5_group.h"
#include "data/import/natural_order.h"

namespace nextframe {
namespace {

constexpr const char* kDemos = "data";
constexpr const char* kSplits = "mask";

std::vector<std::string> splits_of(const H5File& file) {
  if (h5_kind(file, kSplits) != H5Kind::group) return {};
  return h5_names_in(file, kSplits);
}

std::vector<std::string> demos_of_split(const H5File& file, const std::string& split,
                                        const std::vector<std::string>& all) {
  const auto path = h5_join(kSplits, split);
  if (h5_kind(file, path) != H5Kind::dataset) {
    const auto splits = splits_of(file);
    throw DataError("has no split '" + split + "'; " +
                    (splits.empty() ? "it has none: leave data.train_split, data.validation_split "
                                      "or --split out"
                                    : "there are: " + c10::Join(", ", splits)));
  }
  std::set<std::string> names;
  for (const auto& name : read_texts(file, path)) {
    if (std::ranges::find(all, name) == all.end()) {
      throw DataError("'" + path + "' lists the demonstration '" + name + "', which is not in '" +
                      kDemos + "'");
    }
    names.insert(name);
  }
  std::vector<std::string> chosen(names.begin(), names.end());
  std::sort(chosen.begin(), chosen.end(), is_naturally_before);
  return chosen;
}

}  // namespace

bool has_demos(const H5File& file) {
  if (h5_kind(file, kDemos) != H5Kind::group) return false;
  const auto demos = h5_groups_in(file, kDemos);
  return !demos.empty() &&
         (demos.front().starts_with("demo") ||
          h5_kind(file, h5_join(kDemos, demos.front() + "/obs")) == H5Kind::group);
}

std::vector<std::string> demos_of(const H5File& file, const std::string& split) {
  auto names = h5_groups_in(file, kDemos);
  if (!split.empty()) names = demos_of_split(file, split, names);
  if (names.empty()) {
    throw DataError(split.empty() ? std::string("has no demonstrations in 'data'")
                                  : "its split '" + split + "' lists no demonstration");
  }
  for (auto& name : names) name = h5_join(kDemos, name);
  return names;
}

bool has_camera_named(const H5File& file, const std::string& ending) {
  if (!has_demos(file)) return false;
  const auto obs = h5_join(demos_of(file, "").front(), "obs");
  if (h5_kind(file, obs) != H5Kind::group) return false;
  return std::ranges::any_of(h5_names_in(file, obs),
                             [&](const auto& name) { return name.ends_with(ending); });
}

EpisodeTable read_demos(const H5File& file, const ReadAs& read_as) {
  const auto demos = demos_of(file, read_as.split);
  // Frames are looked for among what is observed at a step, not among next_obs.
  const bool is_in_obs = read_as.frames.empty() ||
                         h5_kind(file, h5_join(demos.front(), read_as.frames)) != H5Kind::dataset;
  const auto found = is_in_obs ? choose_frames(file, demos.front(), "obs", read_as.frames)
                               : choose_frames(file, demos.front(), "", read_as.frames);
  const auto name = is_in_obs ? h5_join("obs", found.path) : found.path;
  EpisodeTable table;
  table.frames = {name, in_each(demos, name), SpreadColumn::By::episode};
  table.form.is_encoded = found.is_encoded;
  table.actions = choose_actions(demos, "actions", read_as);
  // What is observed after a step stands beside the action of that step.
  if (name.starts_with("next_obs/")) table.alignment = ActionAlignment::before;
  for (const auto& demo : demos) {
    const auto promised = read_number_attribute(file, "num_samples", demo);
    table.promised_frames.push_back(promised ? std::llround(*promised) : -1);
  }
  const auto splits = splits_of(file);
  if (!read_as.split.empty()) {
    table.notes.push_back("the split '" + read_as.split + "'");
  } else if (!splits.empty()) {
    table.notes.push_back("all splits (" + c10::Join(", ", splits) +
                          "): data.train_split and data.validation_split choose one");
  }
  return table;
}

}  // namespace nextframe
