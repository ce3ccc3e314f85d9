// A dataset: a set of shards, seen as numbered episodes and numbered clips (windows of frames).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/action_scale.h"
#include "data/action_space.h"
#include "data/batch.h"
#include "data/read_as.h"
#include "data/shard_identity.h"
#include "kernels/base/fields.h"

namespace nextframe {

/// The `data` section of a config.
struct DataConfig {
  std::string train;                          // glob of shards
  std::string validation;                     // glob of shards, held out
  ReadAs read_as;                             // how both are understood; `split` is not used
  std::string train_split, validation_split;  // of files that have some; "" for all episodes
  int64_t clip_frames = 16;                   // T
  int64_t stride_frames = 1;                  // a clip takes every stride-th frame
  int64_t loader_threads = 1;       // reader threads a rank; 0 reads in the training thread
  int64_t prefetch_grains = 8;      // grains read ahead
  std::string on_corrupt = "fail";  // fail | skip
  bool normalize_actions = true;    // numbers, by the training set's; choices are never scaled

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
  ReadAs train_as() const;       // read_as, of train_split
  ReadAs validation_as() const;  // of validation_split
};

/// Frames of one episode, as stored.
struct Episode {
  at::Tensor frames_THWC;  // uint8
  at::Tensor actions_TA;   // float32; one-hot if discrete, standardised if the dataset has a scale
};

/// Where an episode's rows lie.
struct EpisodeRows {
  std::filesystem::path shard;
  int64_t episode = 0;    // its number in the shard
  int64_t first_row = 0;  // of the shard
  int64_t frames = 0;
  bool has_columns = true;  // a row is that row of the shard's other columns
};

inline constexpr int64_t kOwnActionWidth = -1;

/// Read-only and safe to call from many threads. Errors are DataError (data/error.h) and name the
/// file.
class Dataset {
 public:
  /// Opens every file that matches `glob`, in name order, and checks its schema.
  /// `clip_frames` and `stride_frames` define the clips. `action_width` is the width of an action
  /// vector. For validation data pass the training set's; kOwnActionWidth takes it from these
  /// files: as declared, or one more than the largest discrete action.
  Dataset(const std::string& glob, int64_t clip_frames, int64_t stride_frames,
          int64_t action_width = kOwnActionWidth, const ReadAs& read_as = {});
  ~Dataset();
  Dataset(Dataset&&) noexcept;

  ClipShape shape() const;
  int64_t action_width() const;  // of one stored frame, before stride
  int64_t stride_frames() const;
  /// How the files are read, where a person should know (describe_reading in data/shard_set.h).
  std::vector<std::string> describe_reading(const std::string& name) const;
  /// As the first file declares it.
  const ActionSpace& action_space() const;
  /// What the columns of actions that are numbers hold; empty for others.
  std::vector<ActionColumn> action_columns() const;
  /// How numbers are standardised on their way into batches and episodes: by nothing at first.
  const ActionScale& action_scale() const;
  /// Takes the training set's scale, or an empty one. DataError if it is of other actions. Nobody
  /// else may use the dataset meanwhile.
  void scale_actions(const ActionScale& scale);
  int64_t num_episodes() const;
  int64_t num_frames() const;
  int64_t num_clips() const;                      // windows over all episodes
  int64_t episode_frames(int64_t episode) const;  // number of stored frames
  EpisodeRows rows_of(int64_t episode) const;     // for data/episode_columns.h
  int64_t num_short_episodes() const;             // too short for one clip: left out, and reported
  /// Hash of what the shards hold, in their order; their names and places do not matter.
  const std::string& fingerprint() const;
  /// The fingerprint as older programs computed it, to recognise the data of their checkpoints.
  const std::string& old_fingerprint() const;
  /// Hashes of what each shard holds, in the order of the shards: by name, unless arrange() has
  /// changed it.
  std::vector<ShardIdentity> identities() const;
  /// Number of clips in the first `num_shards` shards.
  int64_t num_clips_of(size_t num_shards) const;

  /// Puts the shards in another order, and so numbers episodes and clips anew. Nobody else may use
  /// the dataset meanwhile.
  void arrange(const std::vector<size_t>& order);

  /// Copies clip `clip` into row `row` of a preallocated batch (also mask and sample id).
  void read_clip(int64_t clip, Batch& batch, int64_t row) const;

  /// Stored frames [first_frame, first_frame + count) of an episode, every stride-th of them, with
  /// their actions. With a stride, A holds the actions of all stored frames that one step covers;
  /// those after the episode's end are zeros.
  Episode read_episode(int64_t episode, int64_t first_frame, int64_t count) const;
  /// Its actions alone.
  at::Tensor read_actions(int64_t episode, int64_t first_frame, int64_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The training set of a config, with its actions standardised if the config says so.
Dataset open_training_set(const DataConfig& config);

/// An empty batch of `clips` clips: uint8 zeros, mask true. Pinned where CUDA is there.
Batch make_batch(const ClipShape& shape, int64_t clips);

}  // namespace nextframe
