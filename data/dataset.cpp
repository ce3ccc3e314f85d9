#include "data/dataset.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "data/error.h"
#include "data/shard_set.h"

namespace nextframe {
namespace {

struct EpisodePlace {
  size_t shard;
  int64_t offset, frames;  // rows in the shard
  int64_t number;          // in the shard
};

/// Writes the actions of one stored frame: numbers by their scale, a choice as one-hot.
void write_action(const at::Tensor& actions, int64_t row, const ActionScale& scale, int64_t width,
                  float* out) {
  if (actions.scalar_type() == at::kLong) {
    out[actions.const_data_ptr<int64_t>()[row]] = 1.0F;
    return;
  }
  const float* numbers = actions.const_data_ptr<float>() + row * width;
  if (!scale.is_empty()) return scale.apply(numbers, out);
  std::memcpy(out, numbers, static_cast<size_t>(width) * sizeof(float));
}

}  // namespace

struct Dataset::State {
  std::vector<ShardReader> shards;
  int64_t clip_frames, stride_frames, action_width = 0, num_frames = 0, num_short = 0;
  std::vector<EpisodePlace> episodes{};
  std::vector<int64_t> first_clip{};   // of each episode, then the number of all clips
  std::vector<int64_t> shard_clips{};  // of the first so many shards
  std::string fingerprint{}, old_fingerprint{};
  ActionScale action_scale{};

  int64_t clip_span() const { return (clip_frames - 1) * stride_frames + 1; }

  void number_clips() {
    num_frames = num_short = 0;
    episodes.clear();
    first_clip.assign(1, 0);
    shard_clips.assign(1, 0);
    for (size_t s = 0; s < shards.size(); ++s) {
      const auto& lengths = shards[s].episode_frames();
      for (size_t e = 0; e < lengths.size(); ++e) {
        episodes.push_back(
            {s, shards[s].episode_offsets()[e], lengths[e], static_cast<int64_t>(e)});
        num_frames += lengths[e];
        num_short += lengths[e] < clip_span();
        first_clip.push_back(first_clip.back() +
                             std::max<int64_t>(lengths[e] - clip_span() + 1, 0));
      }
      shard_clips.push_back(first_clip.back());
    }
  }

  /// `count` frames and actions from row `first` of an episode, a stride apart.
  void read(const EpisodePlace& episode, int64_t first, int64_t count, uint8_t* frames,
            float* actions) const {
    shards[episode.shard].read_frames(episode.offset + first, count, stride_frames, frames);
    read_actions(episode, first, count, actions);
  }

  void read_actions(const EpisodePlace& episode, int64_t first, int64_t count,
                    float* actions) const {
    const ShardReader& shard = shards[episode.shard];
    const auto row_floats = static_cast<size_t>(count * stride_frames * action_width);
    if (row_floats == 0) return;
    std::memset(actions, 0, row_floats * sizeof(float));
    const int64_t known = std::min(count * stride_frames, episode.frames - first);
    for (int64_t t = 0; t < known; ++t) {
      write_action(shard.actions(), episode.offset + first + t, action_scale, action_width,
                   actions + t * action_width);
    }
  }

  /// The episode, if stored frames [first, first + count) are its own.
  const EpisodePlace& episode_with(int64_t number, int64_t first, int64_t count) const {
    const EpisodePlace& place = episode(number);
    TORCH_CHECK(first >= 0 && count >= 1 && count <= place.frames - first, "dataset: episode ",
                number, " has ", place.frames, " frames, not ", count, " from ", first, " on");
    return place;
  }

  const EpisodePlace& episode(int64_t number) const {
    TORCH_CHECK(number >= 0 && number < static_cast<int64_t>(episodes.size()),
                "dataset: no episode ", number, " of ", episodes.size());
    return episodes[static_cast<size_t>(number)];
  }
};

Dataset::Dataset(const std::string& glob, int64_t clip_frames, int64_t stride_frames,
                 int64_t action_width, const ReadAs& read_as)
    : state_(
          std::make_unique<State>(State{open_shards(glob, read_as), clip_frames, stride_frames})) {
  TORCH_CHECK(clip_frames >= 1 && stride_frames >= 1, "dataset: clips need 1 or more frames and a ",
              "stride of 1 or more, got ", clip_frames, " and ", stride_frames);
  state_->action_width = common_action_width(state_->shards, action_width);
  if (state_->action_width > kMaxClipActionWidth / stride_frames) {
    throw DataError(c10::str(glob, ": data.stride_frames = ", stride_frames, " actions of ",
                             state_->action_width, " numbers each are more than the ",
                             kMaxClipActionWidth, " that a frame can have; lower the stride"));
  }
  state_->number_clips();
  identify(state_->shards);
  state_->fingerprint = fingerprint_of(state_->shards);
  state_->old_fingerprint = old_fingerprint_of(state_->shards);
  if (num_clips() > 0) return;
  throw DataError(c10::str(glob, ": none of ", num_episodes(), " episodes has the ",
                           state_->clip_span(), " frames of a clip; lower data.clip_frames or ",
                           "data.stride_frames"));
}

Dataset::~Dataset() = default;
Dataset::Dataset(Dataset&&) noexcept = default;

ClipShape Dataset::shape() const {
  const auto& [height_px, width_px, channels] = state_->shards.front().frame_shape();
  return {state_->clip_frames, height_px, width_px, channels,
          state_->action_width * state_->stride_frames};
}

std::vector<std::string> Dataset::describe_reading(const std::string& name) const {
  return nextframe::describe_reading(state_->shards, name);
}

int64_t Dataset::action_width() const { return state_->action_width; }
int64_t Dataset::stride_frames() const { return state_->stride_frames; }
const ActionSpace& Dataset::action_space() const { return state_->shards.front().action_space(); }
const ActionScale& Dataset::action_scale() const { return state_->action_scale; }

std::vector<ActionColumn> Dataset::action_columns() const {
  if (action_space().kind != ActionSpace::Kind::continuous) return {};
  return measure_actions(state_->shards);
}

void Dataset::scale_actions(const ActionScale& scale) {
  if (scale == state_->action_scale) return;
  const bool has_numbers = action_space().kind == ActionSpace::Kind::continuous;
  const auto num_columns = static_cast<int64_t>(scale.centre.size());
  if (!scale.is_empty() && (!has_numbers || num_columns != action_width())) {
    throw DataError(c10::str(state_->shards.front().path().string(), ": its actions are ",
                             has_numbers ? c10::str(action_width(), " numbers") : "no numbers",
                             ", but those that the model was trained on were ", num_columns,
                             " numbers; give data of the same actions"));
  }
  state_->action_scale = scale;
}

int64_t Dataset::num_episodes() const { return static_cast<int64_t>(state_->episodes.size()); }
int64_t Dataset::num_frames() const { return state_->num_frames; }
int64_t Dataset::num_clips() const { return state_->first_clip.back(); }
int64_t Dataset::num_short_episodes() const { return state_->num_short; }
const std::string& Dataset::fingerprint() const { return state_->fingerprint; }

const std::string& Dataset::old_fingerprint() const { return state_->old_fingerprint; }

std::vector<ShardIdentity> Dataset::identities() const {
  std::vector<ShardIdentity> all;
  for (const auto& shard : state_->shards) all.push_back(shard.identity());
  return all;
}

int64_t Dataset::num_clips_of(size_t num_shards) const {
  return state_->shard_clips.at(num_shards);
}

void Dataset::arrange(const std::vector<size_t>& order) {
  TORCH_CHECK(order.size() == state_->shards.size(), "dataset: an order of ", order.size(),
              " shards for ", state_->shards.size());
  std::vector<ShardReader> arranged;
  for (const size_t shard : order) arranged.push_back(std::move(state_->shards.at(shard)));
  state_->shards = std::move(arranged);
  state_->number_clips();
  state_->fingerprint = fingerprint_of(state_->shards);
}

int64_t Dataset::episode_frames(int64_t episode) const { return state_->episode(episode).frames; }

EpisodeRows Dataset::rows_of(int64_t episode) const {
  const auto& place = state_->episode(episode);
  const auto& shard = state_->shards[place.shard];
  return {shard.path(), place.number, place.offset, place.frames, shard.has_columns()};
}

void Dataset::read_clip(int64_t clip, Batch& batch, int64_t row) const {
  TORCH_CHECK(clip >= 0 && clip < num_clips(), "dataset: no clip ", clip, " of ", num_clips());
  const auto& starts = state_->first_clip;
  const auto after = std::upper_bound(starts.begin(), starts.end(), clip);
  const auto episode = static_cast<size_t>(after - starts.begin()) - 1;
  const ClipShape clip_shape = shape();
  const int64_t frames = clip_shape.clip_frames;
  const int64_t frame_bytes = clip_shape.height_px * clip_shape.width_px * clip_shape.channels;
  state_->read(state_->episodes[episode], clip - starts[episode], frames,
               batch.frames_BTHWC.data_ptr<uint8_t>() + row * frames * frame_bytes,
               batch.actions_BTA.data_ptr<float>() + row * frames * clip_shape.action_width);
  std::fill_n(batch.mask_BT.data_ptr<bool>() + row * frames, frames, true);
  batch.sample_ids_B.data_ptr<int64_t>()[row] = clip;
}

Episode Dataset::read_episode(int64_t episode, int64_t first_frame, int64_t count) const {
  const EpisodePlace& place = state_->episode_with(episode, first_frame, count);
  const ClipShape clip = shape();
  const int64_t frames = (count - 1) / state_->stride_frames + 1;
  Episode result{at::empty({frames, clip.height_px, clip.width_px, clip.channels}, at::kByte),
                 at::empty({frames, clip.action_width}, at::kFloat)};
  state_->read(place, first_frame, frames, result.frames_THWC.data_ptr<uint8_t>(),
               result.actions_TA.data_ptr<float>());
  return result;
}

at::Tensor Dataset::read_actions(int64_t episode, int64_t first_frame, int64_t count) const {
  const EpisodePlace& place = state_->episode_with(episode, first_frame, count);
  const int64_t frames = (count - 1) / state_->stride_frames + 1;
  auto actions_TA = at::empty({frames, shape().action_width}, at::kFloat);
  state_->read_actions(place, first_frame, frames, actions_TA.data_ptr<float>());
  return actions_TA;
}

Dataset open_training_set(const DataConfig& config) {
  Dataset data(config.train, config.clip_frames, config.stride_frames, kOwnActionWidth,
               config.train_as());
  if (config.normalize_actions) data.scale_actions(scale_of(data.action_columns()));
  return data;
}

}  // namespace nextframe
