// Hands the frames of one episode over in parts, so that a long one never has to fit into memory.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "data/recorded_episode.h"

namespace nextframe {

class EpisodeParts {
 public:
  /// `actions`: of the whole episode, [T] or [T, A]; undefined without actions.
  EpisodeParts(const EpisodeSink& sink, at::Tensor actions)
      : sink_(sink), actions_(std::move(actions)) {}

  /// frame_HWC: uint8, of the size of the ones before.
  void add(const at::Tensor& frame_HWC) {
    frames_.push_back(frame_HWC);
    ++num_frames_;
    // One frame stays, so that the last part has one.
    if (static_cast<int64_t>(frames_.size()) > frames_of_a_part(frame_HWC.numel())) hand_over(1);
  }

  void finish() { hand_over(0); }

  /// Instead of finish(), for an episode of which nothing is to be kept and nothing was handed over
  /// yet: a part without frames. `no_frames`: their shape, [0, H, W, C].
  void abandon(at::IntArrayRef no_frames) {
    sink_({at::empty(no_frames, at::kByte),
           actions_.defined() ? actions_.slice(0, 0, 0) : at::Tensor(),
           {},
           /*is_last_part=*/true});
  }

  int64_t num_frames() const { return num_frames_; }

 private:
  void hand_over(size_t kept) {
    const std::vector<at::Tensor> part(frames_.begin(), frames_.end() - static_cast<long>(kept));
    frames_.erase(frames_.begin(), frames_.end() - static_cast<long>(kept));
    const int64_t end = first_ + static_cast<int64_t>(part.size());
    sink_({at::stack(part),
           actions_.defined() ? actions_.slice(0, first_, end) : at::Tensor(),
           {},
           /*is_last_part=*/kept == 0});
    first_ = end;
  }

  const EpisodeSink& sink_;
  at::Tensor actions_;
  std::vector<at::Tensor> frames_;
  int64_t first_ = 0;  // of `frames_` in the episode
  int64_t num_frames_ = 0;
};

}  // namespace nextframe
