// The held-out episodes as evaluation sees them: chosen, and read a piece at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/world.h"
#include "model/world_model.h"

namespace nextframe {

/// One of the episodes that are evaluated.
struct SourceEpisode {
  int64_t number = 0;      // in the dataset: names it, and keys its noise
  int64_t num_frames = 0;  // every stride-th of the stored ones
};

struct EpisodeSource {
  ClipShape shape;
  std::vector<SourceEpisode> episodes;
  /// `count` frames of episode `number` from frame `first` on, a stride apart; all of them exist.
  std::function<Episode(int64_t number, int64_t first, int64_t count)> read;
  /// The same actions [T, A] without the frames.
  std::function<at::Tensor(int64_t number, int64_t first, int64_t count)> read_actions;
  /// The data's own actions, of a source whose actions are a model's latent ones; else empty.
  std::function<at::Tensor(int64_t number, int64_t first, int64_t count)> read_recorded_actions;
  std::string fingerprint;       // of the data behind it
  int64_t num_passed_over = 0;   // episodes that were too short to be chosen
  int64_t dataset_episodes = 0;  // of the whole dataset
  int64_t stride_frames = 1;     // of the stored frames

  // What some data have and others have not, read when a suite asks for it. A source without such
  // data leaves them empty.

  /// Names of the columns that episode `number` has beside frames and actions.
  std::function<std::vector<std::string>(int64_t number)> column_names{};
  /// Rows of one of them for the frames that `read` gives, float32 [count, ...].
  std::function<at::Tensor(int64_t number, const std::string& name, int64_t first, int64_t count)>
      read_column{};
  /// The simulated world that the episode is of, and its key; nothing for recordings.
  std::function<std::optional<WorldOrigin>(int64_t number)> origin{};

  int64_t num_episodes() const { return static_cast<int64_t>(episodes.size()); }
};

/// An episode of `source`, which must have an origin, once more from its simulator: as `asked`
/// says, but with the episode's own key and range. Stored frames, without the source's stride.
/// std::invalid_argument for what its world cannot do.
RecordedEpisode replayed(const EpisodeSource& source, int64_t number, EpisodeRequest asked);

/// Why the episodes of `source` cannot be replayed, or "". Replays the first one and compares.
std::string replay_problem(const EpisodeSource& source);

/// The first `limit` episodes of a dataset, by index, that have at least `min_frames` frames. The
/// dataset must outlive the source.
EpisodeSource first_episodes(const Dataset& dataset, int64_t limit, int64_t min_frames = 0);

/// Whether every row of actions is a choice: one 1, the others 0.
bool are_choices(const at::Tensor& actions_TA);

/// The device of a model's parameters.
at::Device device_of(const WorldModel& model);

/// The same episodes; for a model of latent actions with these in the place of the data's, read off
/// the true frames, one frame beyond each action's. The model must outlive the source.
EpisodeSource with_latent_actions(EpisodeSource source, WorldModel& model);

/// All of them, also those without a frame.
EpisodeSource all_episodes(const Dataset& dataset);

}  // namespace nextframe
