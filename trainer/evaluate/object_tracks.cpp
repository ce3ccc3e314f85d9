#include "trainer/evaluate/object_tracks.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace nextframe {
namespace {

constexpr double kAlikeColours = 0.25;

using Frame = std::vector<Sighting>;

UnitColour colour_of(const at::Tensor& colours_K3, int64_t k) {
  const auto* value = colours_K3.const_data_ptr<float>() + 3 * k;
  return {value[0] / 255.0, value[1] / 255.0, value[2] / 255.0};
}

/// The episode's true state from frame `first` on.
class TrueState {
 public:
  TrueState(const EpisodeSource& source, int64_t number, int64_t first, int64_t count)
      : position_(source.read_column(number, "object_position", first, count)),
        visible_(source.read_column(number, "object_visible", first, count)),
        colour_(source.read_column(number, "object_colour", first, count)),
        present_(source.read_column(number, "object_present", first, count)) {
    for (int64_t k = 0; k < position_.size(1); ++k) {
      if (present_[0][k].item<float>() > 0 && !is_like_another(k)) objects_.push_back(k);
    }
  }

  std::vector<UnitColour> colours() const {
    std::vector<UnitColour> colours;
    for (const int64_t k : objects_) colours.push_back(colour_of(colour_[0], k));
    return colours;
  }

  std::vector<TrueObject> at_row(int64_t row) const {
    std::vector<TrueObject> objects;
    for (const int64_t k : objects_) {
      const auto* place = position_.const_data_ptr<float>() + 2 * (row * position_.size(1) + k);
      objects.push_back(
          {place[0], place[1], visible_.const_data_ptr<float>()[row * position_.size(1) + k]});
    }
    return objects;
  }

 private:
  bool is_like_another(int64_t k) const {
    for (int64_t other = 0; other < position_.size(1); ++other) {
      if (other == k || present_[0][other].item<float>() == 0) continue;
      if (distance(colour_of(colour_[0], k), colour_of(colour_[0], other)) < kAlikeColours) {
        return true;
      }
    }
    return false;
  }

  at::Tensor position_, visible_, colour_, present_;
  std::vector<int64_t> objects_;  // that are followed
};

double gravity_of(const EpisodeSource& source, int64_t number) {
  const auto names = source.column_names(number);
  if (std::count(names.begin(), names.end(), "world_gravity") == 0) return 0;
  const auto stride = static_cast<double>(source.stride_frames);
  return source.read_column(number, "world_gravity", 0, 1).item<double>() * stride * stride;
}

/// Each object as far on as `horizon` frames of the motion from `before` to `last` take it.
Frame moved_on(const Frame& before, const Frame& last, int64_t horizon) {
  Frame moved = last;
  for (size_t k = 0; k < last.size(); ++k) {
    if (!before[k].is_seen() || !last[k].is_seen()) continue;
    moved[k].x += static_cast<double>(horizon) * (last[k].x - before[k].x);
    moved[k].y += static_cast<double>(horizon) * (last[k].y - before[k].y);
  }
  return moved;
}

/// One episode's tracks, as its dreamed frames arrive.
class Follower {
 public:
  Follower(const EpisodeSource& source, const SourceEpisode& episode, int64_t context_frames,
           int64_t horizon_frames, const at::Tensor& context_THWC)
      : state_(source, episode.number, context_frames - 1,
               std::min(horizon_frames, episode.num_frames - context_frames) + 1),
        background_(background_of(to_unit_range(context_THWC[context_frames - 1]))) {
    tracks_.colours = state_.colours();
    tracks_.gravity = gravity_of(source, episode.number);
    last_ = parsed(context_THWC[context_frames - 1]);
    before_ = parsed(context_THWC[std::max<int64_t>(context_frames - 2, 0)]);
    tracks_.truth.push_back(state_.at_row(0));
    for (const auto* name : {"model", "parser", "copy_last", "constant_velocity"}) {
      tracks_.seen[name].push_back(last_);
    }
  }

  void add(const PredictedFrame& frame) {
    const auto horizon = static_cast<int64_t>(tracks_.truth.size());
    tracks_.truth.push_back(state_.at_row(horizon));
    tracks_.seen["model"].push_back(parsed(frame.predicted_HWC));
    tracks_.seen["parser"].push_back(parsed(frame.true_HWC()));
    tracks_.seen["copy_last"].push_back(last_);
    tracks_.seen["constant_velocity"].push_back(moved_on(before_, last_, horizon));
  }

  ObjectTracks take() { return std::move(tracks_); }

 private:
  Frame parsed(const at::Tensor& frame_HWC) const {
    return parse_objects(to_unit_range(frame_HWC), tracks_.colours, background_);
  }

  TrueState state_;
  UnitColour background_;
  Frame last_, before_;
  ObjectTracks tracks_;
};

}  // namespace

std::vector<ObjectTracks> object_tracks(EvaluationContext& evaluation) {
  const auto& source = evaluation.held_out();
  const int64_t context_frames = evaluation.config().context_frames;
  const int64_t horizon_frames = evaluation.config().horizon_frames;
  std::map<size_t, Follower> followers;
  evaluation.predictor().rollouts(
      source, all_places(source), context_frames, horizon_frames, [&](const PredictedFrame& frame) {
        auto found = followers.find(frame.place);
        if (found == followers.end()) {
          found = followers
                      .emplace(frame.place,
                               Follower(source, source.episodes[frame.place], context_frames,
                                        horizon_frames, frame.truth.frames_THWC))
                      .first;
        }
        found->second.add(frame);
      });
  std::vector<ObjectTracks> tracks;
  for (auto& [place, follower] : followers) tracks.push_back(follower.take());
  return tracks;
}

}  // namespace nextframe
