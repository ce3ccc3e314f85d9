#include "trainer/evaluate/predictor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "kernels/torch.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// What goes through the model together, at most: clips, and frames (so that long episodes fit).
constexpr int64_t kBatchClips = 16, kBatchFrames = 2048;

void check_finite(const at::Tensor& predicted_THWC, int64_t episode, int64_t first_frame) {
  for (int64_t i = 0; i < predicted_THWC.size(0); ++i) {
    if (predicted_THWC[i].isfinite().all().item<bool>()) continue;
    throw NumericsError(
        c10::str("evaluate: the model's prediction of frame ", first_frame + i, " of episode ",
                 episode, " is not finite; the weights have diverged, take an earlier checkpoint"));
  }
}

}  // namespace

/// What the model is shown of an episode, from its start on, and which predictions count: those
/// from `skip` on.
struct Predictor::Clip {
  int64_t episode;
  Episode truth;
  at::Tensor frames_THWC;
  at::Tensor actions_TA;
  int64_t skip;          // predictions from too little context
  int64_t first_target;  // frame of the episode that prediction `skip` is of

  bool fits_beside(const std::vector<Clip>& others) const {
    const auto count = static_cast<int64_t>(others.size());
    return count == 0 || (count < kBatchClips && (count + 1) * actions_TA.size(0) <= kBatchFrames &&
                          others[0].frames_THWC.sizes() == frames_THWC.sizes() &&
                          others[0].actions_TA.sizes() == actions_TA.sizes());
  }
};

Predictor::Predictor(WorldModel& model, RolloutOptions options, EvaluationProgress progress)
    : model_(model),
      options_(std::move(options)),
      progress_(std::move(progress)),
      was_training_(model.is_training()) {
  model_.eval();
}

Predictor::~Predictor() { model_.train(was_training_); }

void Predictor::teacher_forced(const EpisodeSource& source, const ActionsOf& actions_of,
                               const PredictedFrameVisitor& visit) {
  const auto read = [&](int64_t episode) -> std::optional<Clip> {
    const auto truth = source.read(episode, kAllFrames);
    if (truth.frames_THWC.size(0) <= kFirstScoredFrame) return std::nullopt;
    return Clip{episode,
                truth,
                truth.frames_THWC,
                actions_of(episode, truth),
                kFirstScoredFrame - 1,
                kFirstScoredFrame};
  };
  run("one-step", &WorldModel::one_step, all_episodes(source), read, visit);
}

void Predictor::rollouts(const EpisodeSource& source, const std::vector<int64_t>& episodes,
                         int64_t context_frames, int64_t horizon_frames,
                         const PredictedFrameVisitor& visit) {
  const auto read = [&](int64_t episode) -> std::optional<Clip> {
    const auto truth = source.read(episode, context_frames + horizon_frames);
    const int64_t num_frames = truth.frames_THWC.size(0);
    if (num_frames <= context_frames) return std::nullopt;
    return Clip{episode,
                truth,
                truth.frames_THWC.narrow(0, 0, context_frames),
                truth.actions_TA.narrow(0, 0, num_frames - 1),
                0,
                context_frames};
  };
  run("rollouts", &WorldModel::rollout, episodes, read, visit);
}

void Predictor::run(const std::string& what, Predict predict, const std::vector<int64_t>& episodes,
                    const Read& read, const PredictedFrameVisitor& visit) {
  const auto total = static_cast<int64_t>(episodes.size());
  std::vector<Clip> waiting;
  const auto flush = [&] {
    if (!waiting.empty()) run_batch(predict, waiting, visit);
    waiting.clear();
  };
  for (int64_t done = 0; done < total; ++done) {
    if (progress_) progress_(what, done, total);
    auto clip = read(episodes[static_cast<size_t>(done)]);
    if (!clip) continue;
    if (!clip->fits_beside(waiting)) flush();
    waiting.push_back(std::move(*clip));
  }
  flush();
  if (progress_) progress_(what, total, total);
}

void Predictor::run_batch(Predict predict, const std::vector<Clip>& clips,
                          const PredictedFrameVisitor& visit) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> frames, actions;
  std::vector<int64_t> episodes;
  for (const auto& clip : clips) {
    episodes.push_back(clip.episode);
    frames.push_back(clip.frames_THWC);
    actions.push_back(clip.actions_TA);
  }
  auto options = options_;
  options.sample_ids_B = at::tensor(episodes);
  const auto parameters = model_.parameters();
  const auto device = parameters.empty() ? at::Device(at::kCPU) : parameters[0].device();
  const auto predicted_BTHWC =
      (model_.*predict)(at::stack(frames).to(device), at::stack(actions).to(device), options).cpu();
  for (size_t row = 0; row < clips.size(); ++row) {
    const auto& clip = clips[row];
    const auto counted = predicted_BTHWC[static_cast<int64_t>(row)].slice(0, clip.skip);
    check_finite(counted, clip.episode, clip.first_target);
    for (int64_t i = 0; i < counted.size(0); ++i) {
      visit({clip.episode, clip.first_target + i, clip.truth, to_unit_range(counted[i])});
    }
  }
}

std::map<std::string, at::Tensor> baseline_frames(const at::Tensor& frames_THWC,
                                                  int64_t known_frames, int64_t horizon,
                                                  const at::Tensor& mean_frame_HWC) {
  const auto last_HWC = to_unit_range(frames_THWC[known_frames - 1]);
  const auto before_HWC = to_unit_range(frames_THWC[std::max<int64_t>(0, known_frames - 2)]);
  const auto steps = static_cast<double>(horizon);
  return {{"copy_last", last_HWC},
          {"mean_frame", mean_frame_HWC},
          {"linear", to_unit_range(last_HWC + (last_HWC - before_HWC) * steps)}};
}

at::Tensor mean_frame(const EpisodeSource& source) {
  const auto& shape = source.shape;
  auto sum_HWC = at::zeros({shape.height_px, shape.width_px, shape.channels}, at::kLong);
  int64_t num_frames = 0;
  for (int64_t episode = 0; episode < source.num_episodes && num_frames < kMeanFrameFrames;
       ++episode) {
    const auto frames_THWC = source.read(episode, kMeanFrameFrames - num_frames).frames_THWC;
    sum_HWC += frames_THWC.sum(0, false, at::kLong);
    num_frames += frames_THWC.size(0);
  }
  TORCH_CHECK(num_frames > 0, "evaluate: the mean frame needs at least one frame, got none");
  return sum_HWC.to(at::kDouble).div_(255.0 * static_cast<double>(num_frames)).to(at::kFloat);
}

namespace {

/// Only the dataset knows its stride: a read that holds too few frames is made longer.
Episode read_start(const Dataset& dataset, int64_t episode, int64_t max_frames) {
  const int64_t all = dataset.episode_frames(episode);
  for (int64_t stored = std::min(max_frames, all);; stored = std::min(2 * stored, all)) {
    const auto read = dataset.read_episode(episode, 0, stored);
    const int64_t frames = std::min(max_frames, read.frames_THWC.size(0));
    if (frames < max_frames && stored < all) continue;
    return {read.frames_THWC.narrow(0, 0, frames), read.actions_TA.narrow(0, 0, frames)};
  }
}

}  // namespace

EpisodeSource first_episodes(const Dataset& dataset, int64_t limit) {
  return {dataset.shape(), std::min(limit, dataset.num_episodes()),
          [&dataset](int64_t episode, int64_t max_frames) {
            return read_start(dataset, episode, max_frames);
          },
          dataset.fingerprint()};
}

std::vector<int64_t> all_episodes(const EpisodeSource& source) {
  std::vector<int64_t> episodes(static_cast<size_t>(source.num_episodes));
  std::iota(episodes.begin(), episodes.end(), int64_t{0});
  return episodes;
}

}  // namespace nextframe
