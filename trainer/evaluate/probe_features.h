// What linear probes read: the hidden states of a model's layers at chosen frames, and pixels, each
// reduced to a few hundred numbers a frame.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "trainer/evaluate/episode_source.h"
#include "trainer/evaluate/predictor.h"

namespace nextframe {

/// Numbers a frame that a probe reads, at most.
constexpr int64_t kProbeWidth = 512;

/// Which frames are probed: those of windows that the model sees as in training. The first window
/// of an episode gives its frames from kFirstScoredFrame on; each later one moves on by half of its
/// length and gives its second half.
struct ProbeFrames {
  struct Window {
    int64_t begin = 0, end = 0;  // what the model sees
    size_t place = 0;            // of the episode
    std::vector<int64_t> rows;   // the frames that are probed, counted from `begin`
  };
  std::vector<Window> windows;  // by `begin`, then by place
  at::Tensor place_R;           // int64, the episode of each row, in the order of windows

  int64_t num_rows() const { return place_R.size(0); }
};

/// At most 128 frames of an episode, and about 8,192 rows in total, evenly spread.
ProbeFrames probe_frames(const EpisodeSource& source);

/// A random projection to `width` numbers: each is the sum of the entries that fall to it, with
/// random signs. Each entry falls to one of them (feature hashing, Weinberger et al. 2009, with
/// equally many entries each). Inner products are kept on average, and it costs one pass. Drawn by
/// counter, so it is the same on every machine.
class RandomProjection {
 public:
  RandomProjection(int64_t entries, int64_t width);

  /// float32 [R, entries] to [R, width]; as they are where entries <= width.
  at::Tensor operator()(const at::Tensor& values_RI) const;

 private:
  int64_t entries_, width_;
  at::Tensor order_I_, sign_I_;  // padded to a multiple of width
};

struct LayerFeatures {
  int64_t layer = 0;  // its place in WorldModel::hidden_states()
  std::string name;
  at::Tensor features_RF;  // float32, F <= kProbeWidth
};

/// Of each layer (of 8, evenly spread, where there are more): the mean over its tokens, of at most
/// 128 numbers, then all of its tokens; each by a RandomProjection where it is wider. Empty if the
/// model does not tell its hidden states.
std::vector<LayerFeatures> network_features(Predictor& predictor, const EpisodeSource& source,
                                            const ProbeFrames& frames);

/// The pixels of each frame and the frame before it, by a RandomProjection; [R, F] float32.
at::Tensor pixel_features(const EpisodeSource& source, const ProbeFrames& frames);

}  // namespace nextframe
