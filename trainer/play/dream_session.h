// One person's dream: it goes on by one action at a time, can be rewound, and can be dreamed again
// from its log.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/world_model.h"
#include "trainer/evaluate/episode_source.h"
#include "trainer/play/dream_log.h"
#include "trainer/play/play_actions.h"

namespace nextframe {

/// What all dreams of one model share. Nothing of it is changed by playing.
struct PlayedModel {
  WorldModel& model;
  EpisodeSource truth;  // held-out episodes, to begin from and to compare with
  EpisodeSource told;   // the same with the actions that the model is told
  PlayActions actions;
  DreamSampling sampling{};  // to begin with
  bool has_guidance = false;
  std::string digest;  // of the checkpoint
};

/// The first episode that has `context_frames` frames from its first one on. UsageError if none
/// has.
int64_t first_playable_episode(const EpisodeSource& source, int64_t context_frames);

/// Why frames cannot be sampled so, or "".
std::string sampling_problem(const PlayedModel& played, const DreamSampling& sampling);

/// For one thread at a time. A frame costs the same however many came before, but for the first one
/// after a rewind(), which may cost up to about as many as were rewound.
class DreamSession {
 public:
  /// UsageError for a start that the data do not have. `played` must outlive it.
  DreamSession(const PlayedModel& played, const DreamStart& start);

  /// Dreams on from a log: its frames are on the tape. UsageError if it is of another model, or has
  /// actions that this model has not.
  DreamSession(const PlayedModel& played, const DreamLog& log);

  /// The newest frame, uint8 [H, W, C]: of the context, before anything is dreamed.
  const at::Tensor& frame() const { return frames_.back(); }

  int64_t num_dreamed() const { return static_cast<int64_t>(steps_.size()); }

  /// The number of the newest frame in its episode.
  int64_t frame_number() const {
    return start_.first_frame + start_.context_frames - 1 + num_dreamed();
  }

  /// Dreams the frame that `action` leads to, and forgets the tape. UsageError for an action that
  /// the model has not, or beyond kMostDreamedFrames.
  void step(const PlayAction& action);

  /// The same by the next action on the tape; false if there is none.
  bool step_by_tape();

  /// Puts actions on the tape, in the place of what was on it.
  void put_on_tape(std::vector<DreamedFrame> frames);

  /// Puts the actions of the episode itself on the tape: those that were recorded from the newest
  /// frame on. UsageError where they are not known.
  void put_recorded_actions_on_tape();

  int64_t left_on_tape() const { return static_cast<int64_t>(tape_.size()); }

  /// Takes back the newest `frames` dreamed frames, or all.
  void rewind(int64_t frames);

  /// Back to the context; with the same actions the same frames follow.
  void reset() { rewind(num_dreamed()); }

  /// From the next frame on. UsageError where there is a sampling_problem().
  void set_sampling(const DreamSampling& sampling);
  const DreamSampling& sampling() const { return sampling_; }

  const DreamStart& start() const { return start_; }
  DreamLog log() const;

  /// The action that led to the newest frame; nothing before anything is dreamed.
  std::optional<PlayAction> newest_action() const {
    return steps_.empty() ? std::nullopt : std::optional(steps_.back().action);
  }

  /// The newest of the frames, context and dream, oldest first: those that fit into 32 MiB.
  const std::deque<at::Tensor>& frames() const { return frames_; }

  /// The action that was told at each frame up to the newest one, int64 [frame_number()]; for
  /// choices of the data only.
  at::Tensor choices() const;

 private:
  void begin();
  void dream(const DreamedFrame& next);
  at::Tensor advance(const DreamedFrame& next);
  void catch_up();
  void keep_snapshot();
  void keep_frame(at::Tensor frame_HWC);

  const PlayedModel& played_;
  DreamStart start_;
  DreamSampling sampling_;
  Episode context_;
  std::vector<DreamedFrame> steps_;
  std::deque<DreamedFrame> tape_;
  std::deque<at::Tensor> frames_;
  std::unique_ptr<LiveRollout> live_;  // after live_frames_ dreamed frames
  int64_t live_frames_ = 0;
  std::map<int64_t, std::unique_ptr<LiveRollout>> snapshots_;  // after so many dreamed frames
};

}  // namespace nextframe
