// Pictures of rollouts (dreams) beside the true frames.
#pragma once

#include <string>
#include <vector>

#include "trainer/evaluate/image.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// A rollout of one episode beside its truth.
struct Dream {
  int64_t episode = 0;
  int64_t context_frames = 0;
  at::Tensor truth_THWC;    // uint8, context and dreamed frames
  at::Tensor dreamed_THWC;  // float32 in [0, 1], the dreamed frames only
};

/// Dreams `frames` frames of each of `episodes` on from its first context_frames frames, fewer
/// where the episode ends. UsageError for an episode that there is not, or that is too short.
std::vector<Dream> dream(WorldModel& model, const EpisodeSource& source,
                         const std::vector<int64_t>& episodes, int64_t context_frames,
                         int64_t frames, const RolloutOptions& options,
                         const EvaluationProgress& progress = {});

/// All frames side by side: for each dream a row of truth above a row of the dream, with the frame
/// numbers on top. An amber bar marks context, which the model was given; a blue one its dream.
Image sheet(const std::vector<Dream>& dreams);

/// A frame of time an image: the dreams side by side, truth above, dream below, marked alike.
std::vector<Image> animation(const std::vector<Dream>& dreams);

constexpr int64_t kAnimationFrameMs = 125;

/// Writes dreams as the suffix says: `.png` a sheet, or an animation if `animate`; `.webp` an
/// animation. UsageError for another suffix.
void write_dreams(const std::vector<Dream>& dreams, const std::string& path, bool animate);

/// UsageError if write_dreams would not know the suffix of `path`.
void check_picture_path(const std::string& path);

/// How many episodes are shown where none were asked for by number.
constexpr int64_t kSampleEpisodes = 4;

/// The first kSampleEpisodes episodes that are longer than the context. UsageError for a context of
/// no frames.
std::vector<int64_t> sample_episodes(const EpisodeSource& source, int64_t context_frames);

/// A sheet (or, for a .webp, an animation) of the sample episodes, for `samples/`.
void write_sample_sheet(WorldModel& model, const Dataset& validation, const EvaluateConfig& config,
                        const std::string& path);

}  // namespace nextframe
