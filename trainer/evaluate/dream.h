// Pictures of rollouts (dreams) beside the true frames.
#pragma once

#include <string>
#include <vector>

#include "data/action_scale.h"
#include "trainer/evaluate/image.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// Of a dream, and of its context: its pictures are made in memory.
constexpr int64_t kMaxDreamFrames = 65536;

/// A rollout (dream) of one episode, with its true frames. Of a tokenizer, its reconstruction.
struct Dream {
  int64_t episode = 0;
  int64_t context_frames = 0;
  int64_t frames_after = 0;  // given at the end, too; 0 unless between() filled in the others
  at::Tensor truth_THWC;     // uint8, given and dreamed frames
  at::Tensor dreamed_THWC;   // float32 in [0, 1], the dreamed frames only
  /// float32, the actions that the model was told, of all frames but the last; undefined for a
  /// reconstruction
  at::Tensor actions_TA = {};
};

/// Rolls out `frames` frames (fewer where the episode ends) of each of `episodes` from its
/// first context_frames frames. Throws UsageError for an episode that does not exist or is too
/// short.
std::vector<Dream> dream(WorldModel& model, const EpisodeSource& source,
                         const std::vector<int64_t>& episodes, int64_t context_frames,
                         int64_t frames, const RolloutOptions& options,
                         const EvaluationProgress& progress = {});

/// The first clip of each of `episodes`, whose first and last frame are given and the others filled
/// in. Throws UsageError for a model that cannot fill(), and for episodes as dream() does.
std::vector<Dream> between(WorldModel& model, const EpisodeSource& source,
                           const std::vector<int64_t>& episodes, const RolloutOptions& options,
                           const EvaluationProgress& progress = {});

/// All frames side by side: for each dream a row of true frames above a row of predicted ones,
/// with frame numbers on top. An amber bar marks frames that the model was given, a blue bar its
/// predictions.
Image sheet(const std::vector<Dream>& dreams);

/// One image for each time step: the dreams side by side, true frames above predicted ones, with
/// the same marks.
std::vector<Image> animation(const std::vector<Dream>& dreams);

constexpr int64_t kAnimationFrameMs = 125;

/// The bytes of an .npz with the dreams as numbers; its arrays are in docs/file-formats.md. Where
/// episodes end early, rows are filled up with zeros.
///   scale  by which the actions were standardised, which is undone; empty for latent actions
std::string encode_dreams(const std::vector<Dream>& dreams, const ActionScale& scale);

/// Writes dreams in the format of the suffix: `.png` is a sheet, or an animation if `animate`;
/// `.webp` is an animation; `.npz` is encode_dreams(). Throws UsageError for another suffix.
void write_dreams(const std::vector<Dream>& dreams, const std::string& path, bool animate,
                  const ActionScale& scale = {});

/// Throws UsageError if write_dreams does not know the suffix of `path`.
void check_dream_path(const std::string& path);

/// How many episodes are shown by default.
constexpr int64_t kSampleEpisodes = 4;

/// The first kSampleEpisodes episodes that are longer than the context. Throws UsageError for
/// an empty context.
std::vector<int64_t> sample_episodes(const EpisodeSource& source, int64_t context_frames);

/// A sheet (or, for a .webp, an animation) of the sample episodes, for `samples/`.
void write_sample_sheet(WorldModel& model, const EpisodeSource& source,
                        const EvaluateConfig& config, const std::string& path,
                        const EvaluationProgress& progress = {});

}  // namespace nextframe
