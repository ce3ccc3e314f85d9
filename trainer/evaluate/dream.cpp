#include "trainer/evaluate/dream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "trainer/checkpoint/durable_file.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

constexpr int64_t kSampleEpisodes = 4;

/// The chosen episodes as a source of their own, from which no other is read.
EpisodeSource chosen(const EpisodeSource& source, const std::vector<int64_t>& episodes) {
  auto result = source;
  result.num_episodes = static_cast<int64_t>(episodes.size());
  result.read = [&source, &episodes](int64_t i) {
    return source.read(episodes[static_cast<size_t>(i)]);
  };
  return result;
}

std::string suffix_of(const std::string& path) {
  return std::filesystem::path(path).extension().string();
}

}  // namespace

std::vector<Dream> dream(WorldModel& model, const EpisodeSource& source,
                         const std::vector<int64_t>& episodes, int64_t context_frames,
                         int64_t frames, const RolloutOptions& options,
                         const EvaluationProgress& progress) {
  if (context_frames < 1 || frames < 1) {
    throw UsageError(c10::str("rollout: context ", context_frames, " and frames ", frames,
                              " must both be 1 or more"));
  }
  for (const int64_t episode : episodes) {
    if (episode >= 0 && episode < source.num_episodes) continue;
    throw UsageError(c10::str("rollout: there is no episode ", episode, "; the data has 0 .. ",
                              source.num_episodes - 1));
  }
  std::vector<Dream> dreams(episodes.size());
  std::vector<std::vector<at::Tensor>> frames_of(episodes.size());
  Predictor predictor(model, options, progress);
  predictor.rollouts(chosen(source, episodes), context_frames, frames,
                     [&](const PredictedFrame& frame) {
                       const auto i = static_cast<size_t>(frame.episode);
                       frames_of[i].push_back(frame.predicted_HWC);
                       dreams[i].truth_THWC = frame.truth.frames_THWC.narrow(0, 0, frame.frame + 1);
                     });
  for (size_t i = 0; i < dreams.size(); ++i) {
    if (frames_of[i].empty()) {
      throw UsageError(c10::str("rollout: episode ", episodes[i], " is not longer than the context",
                                " of ", context_frames, " frames; choose another with --episode, ",
                                "or a smaller --context"));
    }
    dreams[i].episode = episodes[i];
    dreams[i].context_frames = context_frames;
    dreams[i].dreamed_THWC = at::stack(frames_of[i]);
  }
  return dreams;
}

void check_picture_path(const std::string& path) {
  const auto suffix = suffix_of(path);
  if (suffix == ".png" || suffix == ".webp") return;
  throw UsageError("rollout: '" + path + "' must end in .png or .webp");
}

void write_dreams(const std::vector<Dream>& dreams, const std::string& path, bool animate) {
  check_picture_path(path);
  const auto file = std::filesystem::absolute(path);
  make_folder(file.parent_path());
  if (suffix_of(path) == ".webp") {
    write_durably(file, encode_webp(animation(dreams), kAnimationFrameMs));
  } else if (animate) {
    write_durably(file, encode_apng(animation(dreams), kAnimationFrameMs));
  } else {
    write_durably(file, encode_png(sheet(dreams)));
  }
}

std::vector<int64_t> sample_episodes(const EpisodeSource& source, int64_t context_frames,
                                     int64_t count) {
  std::vector<int64_t> episodes;
  for (int64_t episode = 0; episode < source.num_episodes; ++episode) {
    if (static_cast<int64_t>(episodes.size()) == count) break;
    if (source.read(episode).frames_THWC.size(0) > context_frames) episodes.push_back(episode);
  }
  return episodes;
}

void write_sample_sheet(WorldModel& model, const Dataset& validation, const EvaluateConfig& config,
                        const std::string& path) {
  const auto source = first_episodes(validation, validation.num_episodes());
  const auto episodes = sample_episodes(source, config.context_frames, kSampleEpisodes);
  if (episodes.empty()) return;
  const RolloutOptions options{config.denoise_steps, 0};
  write_dreams(
      dream(model, source, episodes, config.context_frames, config.horizon_frames, options), path,
      false);
}

}  // namespace nextframe
