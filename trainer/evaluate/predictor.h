// Runs a model over held-out episodes (teacher-forced or as rollouts) and checks its predictions;
// also the trivial baselines.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/world_model.h"
#include "trainer/evaluate/episode_source.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// How the model samples in an evaluation: noise of seed 0, steps and guidance by the config.
RolloutOptions rollout_options(const EvaluateConfig& config);

/// How far a long pass is: for a person who waits, and for a watchdog. Called at least once an
/// episode, and again and again within a long one.
using EvaluationProgress =
    std::function<void(const std::string& what, int64_t done, int64_t total)>;

/// The first frame of an episode that is scored: earlier ones have too little context to be fair.
constexpr int64_t kFirstScoredFrame = 4;

/// A predicted frame on its way to the metrics.
struct PredictedFrame {
  size_t place;              // of its episode in the source
  int64_t episode;           // the number of that
  int64_t frame;             // its index in the episode
  const Episode& truth;      // the part of the episode around it, two frames before it included
  int64_t truth_begin;       // the frame that this part begins with
  at::Tensor predicted_HWC;  // float32 in [0, 1], CPU

  at::Tensor true_HWC() const { return truth.frames_THWC[frame - truth_begin]; }
};

using PredictedFrameVisitor = std::function<void(const PredictedFrame&)>;

/// The actions [T, A] that the model is told with `truth`, which is the source's episode at `place`
/// from frame `first` on.
using ActionsOf = std::function<at::Tensor(size_t place, int64_t first, const Episode& truth)>;

/// Its own.
at::Tensor own_actions(size_t place, int64_t first, const Episode& truth);

/// Part of an episode that goes through the model at once: frames [begin, end), of which the
/// predictions from `first_target` on count.
struct EpisodePiece {
  int64_t begin, end, first_target;
};

/// An episode as WorldModel::one_step takes it: whole, or, above `most_frames`, in pieces whose
/// windows of clip_frames are those of the whole one. Together they predict frames 1 to the last.
std::vector<EpisodePiece> pieces_of(int64_t num_frames, int64_t clip_frames, int64_t most_frames);

/// Puts the model into evaluation mode as long as it lives. An episode's number keys the noise that
/// it is predicted with. Throws NumericsError for a prediction that is not finite.
class Predictor {
 public:
  Predictor(WorldModel& model, RolloutOptions options, EvaluationProgress progress);
  ~Predictor();
  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  const WorldModel& model() const { return model_; }

  /// Whether reconstruct() gives anything.
  bool has_tokenizer() const;

  /// What the model's tokenizer leaves of frames, float32 [T, H, W, C] in [0, 1] on the CPU.
  ///   frames_THWC  uint8
  at::Tensor reconstruct(const at::Tensor& frames_THWC);

  /// A clip of an episode, from its frame `first` on, as the model fills it in from the frames that
  /// are `known`; float32 [T, H, W, C] in [0, 1] on the CPU. For a model that can_fill().
  at::Tensor fill(const Episode& clip, const std::vector<int64_t>& known, int64_t episode,
                  int64_t first);

  /// WorldModel::hidden_states() of equally long clips, on the CPU. NumericsError if they are not
  /// finite.
  ///   numbers      the episodes that the clips are of, which key their noise
  ///   first_frame  of the clips in their episodes
  std::vector<LayerStates> hidden_states(const std::vector<Episode>& clips,
                                         const std::vector<int64_t>& numbers, int64_t first_frame);

  /// The source with the actions that the model is told: its own latent ones, if it has any.
  EpisodeSource as_told(EpisodeSource source) {
    return with_latent_actions(std::move(source), model_);
  }

  /// Predicts by other options from now on; returns the former ones.
  RolloutOptions exchange_options(RolloutOptions options) {
    return std::exchange(options_, std::move(options));
  }

  /// Visits, once each, all scored frames of every episode, each predicted from true frames; an
  /// episode's frames in ascending order. Holds a bounded part of an episode at a time.
  void teacher_forced(const EpisodeSource& source, const ActionsOf& actions_of,
                      const PredictedFrameVisitor& visit);

  /// Visits frames context .. context + horizon - 1, as far as the episode goes, of the source's
  /// episodes at each of `places` in turn, dreamed from its first `context` frames.
  void rollouts(const EpisodeSource& source, const std::vector<size_t>& places,
                int64_t context_frames, int64_t horizon_frames, const PredictedFrameVisitor& visit,
                const ActionsOf& actions_of = own_actions);

 private:
  struct Clip;
  using Predict = at::Tensor (WorldModel::*)(const at::Tensor&, const at::Tensor&,
                                             const RolloutOptions&);

  /// Predicts neighbours of equal sizes together; add() and, at the end, flush().
  class Batches;

  WorldModel& model_;
  RolloutOptions options_;
  EvaluationProgress progress_;
  bool was_training_;
};

/// 0 .. num_episodes - 1.
std::vector<size_t> all_places(const EpisodeSource& source);

/// Predictions of the frame `horizon` after the last one of the first `known_frames` true frames:
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
/// `show_life` is called once a piece that is read.
at::Tensor mean_frame(const EpisodeSource& source, const std::function<void()>& show_life = {});

}  // namespace nextframe
