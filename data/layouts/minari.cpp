// minari: a group an episode, `episode_0` ..., with T actions between T+1 observations. Those are a
// dataset, or a group where the environment observes a dictionary; JPEG pictures since Minari 0.5.3
// (its hdf5_storage.py).
#include <cmath>

#include "data/h5_group.h"
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

constexpr const char* kObservations = "observations";

std::vector<std::string> minari_episodes(const H5File& file) {
  return h5_groups_in(file, "", "episode_");
}

bool fits_minari(const H5File& file) {
  const auto episodes = minari_episodes(file);
  return !episodes.empty() &&
         h5_kind(file, h5_join(episodes.front(), kObservations)) != H5Kind::nothing;
}

/// "observations/image" and "image" both name the dataset in the group of observations.
std::string without_group(const std::string& asked) {
  const std::string prefix = std::string(kObservations) + "/";
  if (asked == kObservations) return "";
  return asked.starts_with(prefix) ? asked.substr(prefix.size()) : asked;
}

EpisodeTable read_minari(const H5File& file, const ReadAs& read_as) {
  require_no_split(read_as);
  const auto episodes = minari_episodes(file);
  const auto found =
      choose_frames(file, episodes.front(), kObservations, without_group(read_as.frames));
  EpisodeTable table;
  const auto name = h5_join(kObservations, found.path);
  table.frames = {name, in_each(episodes, name), SpreadColumn::By::episode};
  table.form.is_encoded = found.is_encoded;
  table.actions = choose_actions(episodes, "actions", read_as);
  table.missing_actions = 1;
  for (const auto& episode : episodes) {
    const auto steps = read_number_attribute(file, "total_steps", episode);
    table.promised_frames.push_back(steps ? std::llround(*steps) + 1 : -1);
  }
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(minari, {"Minari's datasets (data/main_data.hdf5)",
                            "a group an episode: episode_0/observations, episode_0/actions",
                            nextframe::fits_minari, nextframe::read_minari})
