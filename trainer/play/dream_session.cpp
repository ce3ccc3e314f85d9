#include "trainer/play/dream_session.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

constexpr int64_t kSnapshotFrames = 8;                  // from one snapshot to the next
constexpr int64_t kMostFrameBytes = int64_t{32} << 20;  // of the frames that are kept
constexpr size_t kModelDigits = 12;

const SourceEpisode& episode_to_play(const EpisodeSource& source, const DreamStart& start) {
  const auto found = std::ranges::find(source.episodes, start.episode, &SourceEpisode::number);
  if (found == source.episodes.end()) {
    throw UsageError(c10::str("play: there is no episode ", start.episode, "; the data has 0 .. ",
                              source.dataset_episodes - 1));
  }
  const bool is_inside = start.first_frame >= 0 && start.context_frames >= 1 &&
                         start.context_frames <= found->num_frames &&
                         start.first_frame <= found->num_frames - start.context_frames;
  if (!is_inside) {
    throw UsageError(c10::str("play: episode ", start.episode, " has ", found->num_frames,
                              " frames; it has no ", start.context_frames,
                              " frames of context from frame ", start.first_frame, " on"));
  }
  return *found;
}

at::Tensor to_bytes(const at::Tensor& unit_frame) {
  return unit_frame.cpu().clamp(0, 1).mul(255).round().to(at::kByte).contiguous();
}

}  // namespace

int64_t first_playable_episode(const EpisodeSource& source, int64_t context_frames) {
  for (const auto& episode : source.episodes) {
    if (episode.num_frames >= context_frames) return episode.number;
  }
  throw UsageError(c10::str("play: no held-out episode has ", context_frames,
                            " frames; give a smaller --context"));
}

std::string sampling_problem(const PlayedModel& played, const DreamSampling& sampling) {
  if (sampling.denoise_steps < 1 || sampling.denoise_steps > 65536) {
    return c10::str("sampling takes 1 to 65536 steps a frame, got ", sampling.denoise_steps);
  }
  if (!(sampling.guidance >= 0 && sampling.guidance <= 100)) {
    return c10::str("guidance is 0 to 100, got ", sampling.guidance);
  }
  if (sampling.guidance != 1 && !played.has_guidance) {
    return "guidance needs a model that was trained with actions.dropout above 0";
  }
  const auto problem = played.model.steps_problem(sampling.denoise_steps);
  return problem.empty() ? "" : c10::str(sampling.denoise_steps, " sampling steps: ", problem);
}

DreamSession::DreamSession(const PlayedModel& played, const DreamStart& start)
    : played_(played), start_(start), sampling_(played.sampling) {
  episode_to_play(played.told, start);
  begin();
}

DreamSession::DreamSession(const PlayedModel& played, const DreamLog& log)
    : DreamSession(played, log.start) {
  const auto model = played.digest.substr(0, kModelDigits);
  if (!log.model.empty() && log.model != model) {
    throw UsageError("play: the log is of a dream by model " + log.model.substr(0, 40) +
                     ", and this is model " + model +
                     "; its frames would be others. Drop 'model=' from the log to play its actions "
                     "all the same");
  }
  put_on_tape(log.frames);
}

void DreamSession::begin() {
  const int64_t count = start_.context_frames;
  context_ = played_.told.read(start_.episode, start_.first_frame, count);
  const auto device = device_of(played_.model);
  RolloutOptions options;
  options.denoise_steps = sampling_.denoise_steps;
  options.guidance = sampling_.guidance;
  options.seed = start_.seed;
  options.sample_ids_B = at::tensor({start_.episode});
  options.first_frame = start_.first_frame;
  live_ = played_.model.begin_rollout(
      context_.frames_THWC.unsqueeze(0).to(device),
      context_.actions_TA.slice(0, 0, count - 1).unsqueeze(0).to(device), options);
  if (!live_)
    throw UsageError(
        "play: this model fills in whole clips and cannot be told its actions one by one; "
        "`nextframe rollout` dreams with it");
  snapshots_[0] = live_->clone();
  for (int64_t t = 0; t < count; ++t) keep_frame(context_.frames_THWC[t]);
}

void DreamSession::step(const PlayAction& action) {
  if (const auto wrong = played_.actions.problem(action); !wrong.empty()) {
    throw UsageError("play: " + wrong);
  }
  tape_.clear();
  dream({action, sampling_});
}

bool DreamSession::step_by_tape() {
  if (tape_.empty()) return false;
  const auto next = tape_.front();
  sampling_ = next.sampling;
  dream(next);
  tape_.pop_front();
  return true;
}

void DreamSession::put_on_tape(std::vector<DreamedFrame> frames) {
  for (const auto& [action, sampling] : frames) {
    auto wrong = played_.actions.problem(action);
    if (wrong.empty()) wrong = sampling_problem(played_, sampling);
    if (!wrong.empty()) throw UsageError("play: the log does not fit this model: " + wrong);
  }
  tape_.assign(frames.begin(), frames.end());
}

void DreamSession::put_recorded_actions_on_tape() {
  if (played_.told.stride_frames != 1) {
    throw UsageError("play: recorded actions are followed without data.stride_frames only");
  }
  const int64_t first = frame_number();
  const int64_t count = episode_to_play(played_.told, start_).num_frames - 1 - first;
  if (count < 1) throw UsageError("play: the recorded episode has ended before this frame");
  const auto actions_TA = played_.told.read_actions(start_.episode, first, count);
  std::vector<DreamedFrame> frames;
  for (int64_t t = 0; t < count; ++t) {
    frames.push_back({played_.actions.decode(actions_TA[t]), sampling_});
  }
  put_on_tape(std::move(frames));
}

void DreamSession::dream(const DreamedFrame& next) {
  if (num_dreamed() == kMostDreamedFrames) {
    throw UsageError(c10::str("play: a dream has at most ", kMostDreamedFrames,
                              " frames; rewind it, or begin another"));
  }
  catch_up();
  auto frame_HWC = advance(next);
  steps_.push_back(next);
  keep_frame(std::move(frame_HWC));
  if (num_dreamed() % kSnapshotFrames == 0) keep_snapshot();
}

/// The frame that follows in live_.
at::Tensor DreamSession::advance(const DreamedFrame& next) {
  auto live = std::move(live_);  // where it throws, live_ begins from a snapshot again
  live->set_sampling(next.sampling.denoise_steps, next.sampling.guidance);
  const auto told_BA =
      played_.actions.encode(next.action).unsqueeze(0).to(device_of(played_.model));
  const auto frame_HWC = live->step(told_BA).squeeze(0);
  if (!frame_HWC.isfinite().all().item<bool>()) {
    throw NumericsError("play: a dreamed frame is not finite; the weights have diverged, take an " +
                        std::string("earlier checkpoint"));
  }
  live_ = std::move(live);
  ++live_frames_;
  return to_bytes(frame_HWC);
}

/// After a rewind, live_ goes on from the newest snapshot before.
void DreamSession::catch_up() {
  if (live_ && live_frames_ == num_dreamed()) return;
  const auto before = std::prev(snapshots_.upper_bound(num_dreamed()));
  live_ = before->second->clone();
  live_frames_ = before->first;
  while (live_frames_ < num_dreamed()) advance(steps_[static_cast<size_t>(live_frames_)]);
}

/// Between snapshots lie no more frames than about the distance to now, so their number grows with
/// the logarithm of the dream's length.
void DreamSession::keep_snapshot() {
  const int64_t now = num_dreamed();
  snapshots_[now] = live_->clone();
  auto before = snapshots_.begin();
  for (auto it = std::next(before); std::next(it) != snapshots_.end();) {
    const auto after = std::next(it);
    if (after->first - before->first <= now - after->first) {
      snapshots_.erase(it);
    } else {
      before = it;
    }
    it = after;
  }
}

void DreamSession::keep_frame(at::Tensor frame_HWC) {
  frames_.push_back(std::move(frame_HWC));
  const int64_t most = std::max<int64_t>(kMostFrameBytes / frames_.back().numel(), 2);
  if (static_cast<int64_t>(frames_.size()) > most) frames_.pop_front();
}

void DreamSession::rewind(int64_t frames) {
  tape_.clear();
  frames = std::clamp<int64_t>(frames, 0, num_dreamed());
  if (frames == 0) return;
  steps_.resize(steps_.size() - static_cast<size_t>(frames));
  snapshots_.erase(snapshots_.upper_bound(num_dreamed()), snapshots_.end());
  live_.reset();
  if (frames < static_cast<int64_t>(frames_.size())) {
    frames_.resize(frames_.size() - static_cast<size_t>(frames));
    return;
  }
  // It is not kept any more: dreamed once more, or read.
  frames_.clear();
  if (steps_.empty()) {
    for (int64_t t = 0; t < start_.context_frames; ++t) keep_frame(context_.frames_THWC[t]);
    return;
  }
  const auto newest = steps_.back();
  steps_.pop_back();
  const auto beyond = snapshots_.upper_bound(num_dreamed());
  snapshots_.erase(beyond, snapshots_.end());
  catch_up();
  keep_frame(advance(newest));
  steps_.push_back(newest);
}

void DreamSession::set_sampling(const DreamSampling& sampling) {
  if (const auto wrong = sampling_problem(played_, sampling); !wrong.empty()) {
    throw UsageError("play: " + wrong);
  }
  sampling_ = sampling;
}

DreamLog DreamSession::log() const {
  return {start_, played_.digest.substr(0, kModelDigits), steps_};
}

at::Tensor DreamSession::choices() const {
  const int64_t known = start_.first_frame + start_.context_frames - 1;
  auto choices_T = at::empty({known + num_dreamed()}, at::kLong);
  if (known > 0) {
    choices_T.slice(0, 0, known)
        .copy_(played_.truth.read_actions(start_.episode, 0, known).argmax(1));
  }
  auto* const dreamed = choices_T.data_ptr<int64_t>() + known;
  std::ranges::transform(steps_, dreamed, [](const DreamedFrame& frame) {
    return static_cast<int64_t>(frame.action.at(0));
  });
  return choices_T;
}

}  // namespace nextframe
