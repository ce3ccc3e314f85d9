#include "trainer/evaluate/dream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "data/durable_file.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

void check_frames(const char* what, int64_t frames) {
  if (frames >= 1 && frames <= kMaxDreamFrames) return;
  throw UsageError(
      c10::str("rollout: ", what, " must be 1 to ", kMaxDreamFrames, " frames, got ", frames));
}

size_t place_of_episode(const EpisodeSource& source, int64_t number) {
  for (size_t place = 0; place < source.episodes.size(); ++place) {
    if (source.episodes[place].number == number) return place;
  }
  throw UsageError(c10::str("rollout: there is no episode ", number, "; the data has 0 .. ",
                            source.dataset_episodes - 1));
}

std::string suffix_of(const std::string& path) {
  return std::filesystem::path(path).extension().string();
}

/// The first frames of episodes, and what a tokenizer leaves of them.
std::vector<Dream> reconstructions(WorldModel& model, const EpisodeSource& source,
                                   const std::vector<size_t>& places, int64_t frames,
                                   const EvaluationProgress& progress) {
  Predictor predictor(model, {}, progress);
  std::vector<Dream> dreams;
  for (const size_t place : places) {
    const auto& episode = source.episodes[place];
    const auto truth = source.read(episode.number, 0, std::min(frames, episode.num_frames));
    dreams.push_back(
        {episode.number, 0, 0, truth.frames_THWC, predictor.reconstruct(truth.frames_THWC)});
  }
  return dreams;
}

}  // namespace

std::vector<Dream> dream(WorldModel& model, const EpisodeSource& source,
                         const std::vector<int64_t>& episodes, int64_t context_frames,
                         int64_t frames, const RolloutOptions& options,
                         const EvaluationProgress& progress) {
  check_frames("the context", context_frames);
  check_frames("the dream", frames);
  std::vector<size_t> places;
  for (const int64_t episode : episodes) places.push_back(place_of_episode(source, episode));
  if (!model.can_predict()) return reconstructions(model, source, places, frames, progress);
  std::vector<Dream> dreams;
  std::vector<std::vector<at::Tensor>> frames_of;
  Predictor predictor(model, options, progress);
  const auto told = with_latent_actions(source, model);
  predictor.rollouts(told, places, context_frames, frames, [&](const PredictedFrame& frame) {
    if (frame.frame == context_frames) {
      dreams.push_back(
          {frame.episode, context_frames, 0, frame.truth.frames_THWC, {}, frame.truth.actions_TA});
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
    const int64_t last = context_frames + dreams[i].dreamed_THWC.size(0) - 1;
    dreams[i].actions_TA = dreams[i].actions_TA.slice(0, 0, last);
  }
  return dreams;
}

std::vector<Dream> between(WorldModel& model, const EpisodeSource& source,
                           const std::vector<int64_t>& episodes, const RolloutOptions& options,
                           const EvaluationProgress& progress) {
  if (!model.can_fill()) {
    throw UsageError(
        "rollout: this model goes forward frame by frame; --between needs one that fills in clips "
        "(objective.name = clip_flow)");
  }
  const int64_t frames = source.shape.clip_frames;
  Predictor predictor(model, options, progress);
  const auto told = with_latent_actions(source, model);
  std::vector<Dream> dreams;
  for (const int64_t number : episodes) {
    if (source.episodes[place_of_episode(source, number)].num_frames < frames) {
      throw UsageError(c10::str("rollout: episode ", number, " has no clip of ", frames,
                                " frames; choose another with --episode"));
    }
    const auto clip = told.read(number, 0, frames);
    const auto filled_THWC = predictor.fill(clip, {0, frames - 1}, number, 0);
    dreams.push_back({number, 1, 1, clip.frames_THWC, filled_THWC.slice(0, 1, frames - 1)});
  }
  return dreams;
}

void check_dream_path(const std::string& path) {
  const auto suffix = suffix_of(path);
  if (suffix == ".png" || suffix == ".webp" || suffix == ".npz") return;
  throw UsageError("rollout: '" + path + "' must end in .png, .webp or .npz");
}

void write_dreams(const std::vector<Dream>& dreams, const std::string& path, bool animate,
                  const ActionScale& scale) {
  check_dream_path(path);
  const auto file = std::filesystem::absolute(path);
  make_folder(file.parent_path());
  if (suffix_of(path) == ".npz") {
    write_durably(file, encode_dreams(dreams, scale));
  } else if (suffix_of(path) == ".webp") {
    write_durably(file, encode_webp(animation(dreams), kAnimationFrameMs));
  } else if (animate) {
    write_durably(file, encode_apng(animation(dreams), kAnimationFrameMs));
  } else {
    write_durably(file, encode_png(sheet(dreams)));
  }
}

std::vector<int64_t> sample_episodes(const EpisodeSource& source, int64_t context_frames) {
  check_frames("the context", context_frames);
  std::vector<int64_t> numbers;
  for (const auto& episode : source.episodes) {
    if (static_cast<int64_t>(numbers.size()) == kSampleEpisodes) break;
    if (episode.num_frames > context_frames) numbers.push_back(episode.number);
  }
  return numbers;
}

void write_sample_sheet(WorldModel& model, const EpisodeSource& source,
                        const EvaluateConfig& config, const std::string& path,
                        const EvaluationProgress& progress) {
  const auto episodes = sample_episodes(source, config.context_frames);
  if (episodes.empty()) return;
  const RolloutOptions options = rollout_options(config);
  write_dreams(dream(model, source, episodes, config.context_frames, config.horizon_frames, options,
                     progress),
               path, false);
}

}  // namespace nextframe
