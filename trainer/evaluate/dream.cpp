#include "trainer/evaluate/dream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "data/durable_file.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

void check_frames(const char* what, int64_t frames) {
  if (frames >= 1) return;
  throw UsageError(c10::str("rollout: ", what, " must be 1 or more frames, got ", frames));
}

std::string suffix_of(const std::string& path) {
  return std::filesystem::path(path).extension().string();
}

}  // namespace

std::vector<Dream> dream(WorldModel& model, const EpisodeSource& source,
                         const std::vector<int64_t>& episodes, int64_t context_frames,
                         int64_t frames, const RolloutOptions& options,
                         const EvaluationProgress& progress) {
  check_frames("the context", context_frames);
  check_frames("the dream", frames);
  for (const int64_t episode : episodes) {
    if (episode >= 0 && episode < source.num_episodes) continue;
    throw UsageError(c10::str("rollout: there is no episode ", episode, "; the data has 0 .. ",
                              source.num_episodes - 1));
  }
  std::vector<Dream> dreams;
  std::vector<std::vector<at::Tensor>> frames_of;
  Predictor predictor(model, options, progress);
  predictor.rollouts(source, episodes, context_frames, frames, [&](const PredictedFrame& frame) {
    if (frame.frame == context_frames) {
      dreams.push_back({frame.episode, context_frames, frame.truth.frames_THWC, {}});
      frames_of.emplace_back();
    }
    frames_of.back().push_back(frame.predicted_HWC);
  });
  for (size_t i = 0; i < episodes.size(); ++i) {
    if (i == dreams.size() || dreams[i].episode != episodes[i]) {
      throw UsageError(c10::str("rollout: episode ", episodes[i], " is not longer than the context",
                                " of ", context_frames, " frames; choose another with --episode, ",
                                "or a smaller --context"));
    }
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

std::vector<int64_t> sample_episodes(const EpisodeSource& source, int64_t context_frames) {
  check_frames("the context", context_frames);
  std::vector<int64_t> episodes;
  for (int64_t episode = 0; episode < source.num_episodes; ++episode) {
    if (static_cast<int64_t>(episodes.size()) == kSampleEpisodes) break;
    const auto start_THWC = source.read(episode, context_frames + 1).frames_THWC;
    if (start_THWC.size(0) > context_frames) episodes.push_back(episode);
  }
  return episodes;
}

void write_sample_sheet(WorldModel& model, const Dataset& validation, const EvaluateConfig& config,
                        const std::string& path) {
  const auto source = first_episodes(validation, validation.num_episodes());
  const auto episodes = sample_episodes(source, config.context_frames);
  if (episodes.empty()) return;
  const RolloutOptions options{config.denoise_steps, 0};
  write_dreams(
      dream(model, source, episodes, config.context_frames, config.horizon_frames, options), path,
      false);
}

}  // namespace nextframe
