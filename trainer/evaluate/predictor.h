// Runs a model over held-out episodes (teacher-forced or as rollouts) and checks its predictions;
// also the trivial baselines.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/world_model.h"

namespace nextframe {

constexpr int64_t kAllFrames = std::numeric_limits<int64_t>::max();

struct EpisodeSource {
  ClipShape shape;
  int64_t num_episodes = 0;
  /// Reads every stride-th frame from the episode's start: `max_frames` of them, or as many as it
  /// has.
  std::function<Episode(int64_t episode, int64_t max_frames)> read;
  std::string fingerprint;  // of the data behind it
};

/// The first `limit` episodes of a dataset, or all. The dataset must outlive the source.
EpisodeSource first_episodes(const Dataset& dataset, int64_t limit);

/// 0 .. num_episodes - 1.
std::vector<int64_t> all_episodes(const EpisodeSource& source);

/// Reports the progress of a long pass.
using EvaluationProgress =
    std::function<void(const std::string& what, int64_t done, int64_t total)>;

/// The first frame of an episode that is scored; earlier ones have too little context.
constexpr int64_t kFirstScoredFrame = 4;

/// A predicted frame, passed to the metrics.
struct PredictedFrame {
  int64_t episode;           // its number in the source
  int64_t frame;             // its index in the episode
  const Episode& truth;      // the episode from its start to this frame or further
  at::Tensor predicted_HWC;  // float32 in [0, 1], CPU
};

using PredictedFrameVisitor = std::function<void(const PredictedFrame&)>;

/// Given an episode and its number, the actions [T, A] that the model gets.
using ActionsOf = std::function<at::Tensor(int64_t episode, const Episode& truth)>;

/// Puts the model into evaluation mode as long as this object lives. Sampling noise is keyed
/// by the episode's number. Throws NumericsError for a prediction that is not finite.
class Predictor {
 public:
  Predictor(WorldModel& model, RolloutOptions options, EvaluationProgress progress);
  ~Predictor();
  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  /// Teacher forcing: predicts every scored frame of every episode from the true frames before
  /// it, and visits each once, in ascending order.
  void teacher_forced(const EpisodeSource& source, const ActionsOf& actions_of,
                      const PredictedFrameVisitor& visit);

  /// Rollouts: predicts frames context .. context + horizon - 1 (or up to the episode's end)
  /// of each of `episodes` from its first `context` frames, and visits them in order.
  void rollouts(const EpisodeSource& source, const std::vector<int64_t>& episodes,
                int64_t context_frames, int64_t horizon_frames, const PredictedFrameVisitor& visit);

 private:
  struct Clip;
  using Predict = at::Tensor (WorldModel::*)(const at::Tensor&, const at::Tensor&,
                                             const RolloutOptions&);
  using Read = std::function<std::optional<Clip>(int64_t episode)>;

  /// Reads the episodes one by one, and predicts consecutive ones of equal sizes in one batch.
  void run(const std::string& what, Predict predict, const std::vector<int64_t>& episodes,
           const Read& read, const PredictedFrameVisitor& visit);
  void run_batch(Predict predict, const std::vector<Clip>& clips,
                 const PredictedFrameVisitor& visit);

  WorldModel& model_;
  RolloutOptions options_;
  EvaluationProgress progress_;
  bool was_training_;
};

/// Predictions of the frame `horizon` after the last one of `known_frames` true frames:
///   copy_last   x, the last true frame x
///   mean_frame  mean_frame_HWC, for every horizon
///   linear      clip(x + horizon * (x - x')), pixel by pixel, x' the frame before x; the same as
///               rolling clip(2 x - x') out on its own clipped predictions. With one known frame
///               it is copy_last
/// All [H, W, C] float32 in [0, 1].
std::map<std::string, at::Tensor> baseline_frames(const at::Tensor& frames_THWC,
                                                  int64_t known_frames, int64_t horizon,
                                                  const at::Tensor& mean_frame_HWC);

constexpr int64_t kMeanFrameFrames = 4096;

/// Mean of the source's first kMeanFrameFrames frames, in order of episodes. [H, W, C] float32.
at::Tensor mean_frame(const EpisodeSource& source);

}  // namespace nextframe
