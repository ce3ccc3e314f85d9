#include "trainer/evaluate/predictor.h"

#include <torch/torch.h>

#include <algorithm>
#include <memory>

#include "trainer/evaluate/metrics.h"
#include "trainer/evaluate/windows.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

constexpr size_t kBatchClips = 16;

void check_finite(const at::Tensor& predicted_THWC, int64_t episode, int64_t first_frame) {
  for (int64_t i = 0; i < predicted_THWC.size(0); ++i) {
    if (predicted_THWC[i].isfinite().all().item<bool>()) continue;
    throw NumericsError(
        c10::str("evaluate: the model's prediction of frame ", first_frame + i, " of episode ",
                 episode, " is not finite; the weights have diverged, take an earlier checkpoint"));
  }
}

}  // namespace

/// What the model is shown of an episode, and which of its predictions count: those from `skip` on.
struct Predictor::Clip {
  int64_t episode;
  std::shared_ptr<const Episode> truth;
  at::Tensor frames_THWC;
  at::Tensor actions_TA;
  int64_t skip;          // predictions that another clip makes from more context
  int64_t first_target;  // frame of the episode that prediction `skip` is of
};

Predictor::Predictor(WorldModel& model, RolloutOptions options, EvaluationProgress progress)
    : model_(model),
      options_(options),
      progress_(std::move(progress)),
      was_training_(model.is_training()) {
  model_.eval();
}

Predictor::~Predictor() { model_.train(was_training_); }

void Predictor::teacher_forced(const EpisodeSource& source, const ActionsOf& actions_of,
                               const PredictedFrameVisitor& visit) {
  const auto cut = [&](int64_t episode, const std::shared_ptr<const Episode>& truth) {
    const auto actions_TA = actions_of(episode, *truth);
    std::vector<Clip> clips;
    for (const auto& window :
         teacher_forced_windows(truth->frames_THWC.size(0), source.shape.clip_frames)) {
      clips.push_back({episode, truth, truth->frames_THWC.narrow(0, window.start, window.frames),
                       actions_TA.narrow(0, window.start, window.frames),
                       window.first_target - window.start - 1, window.first_target});
    }
    return clips;
  };
  run("one-step", &WorldModel::one_step, source, cut, visit);
}

void Predictor::rollouts(const EpisodeSource& source, int64_t context_frames,
                         int64_t horizon_frames, const PredictedFrameVisitor& visit) {
  const auto cut = [&](int64_t episode, const std::shared_ptr<const Episode>& truth) {
    const int64_t horizon = std::min(horizon_frames, truth->frames_THWC.size(0) - context_frames);
    std::vector<Clip> clips;
    if (horizon > 0) {
      clips.push_back({episode, truth, truth->frames_THWC.narrow(0, 0, context_frames),
                       truth->actions_TA.narrow(0, 0, context_frames + horizon - 1), 0,
                       context_frames});
    }
    return clips;
  };
  run("rollouts", &WorldModel::rollout, source, cut, visit);
}

void Predictor::run(const std::string& what, Predict predict, const EpisodeSource& source,
                    const Cut& cut, const PredictedFrameVisitor& visit) {
  std::vector<Clip> waiting;
  const auto flush = [&] {
    if (!waiting.empty()) run_batch(predict, waiting, visit);
    waiting.clear();
  };
  for (int64_t episode = 0; episode < source.num_episodes; ++episode) {
    if (progress_) progress_(what, episode, source.num_episodes);
    const auto truth = std::make_shared<const Episode>(source.read(episode));
    for (auto& clip : cut(episode, truth)) {
      const bool fits =
          waiting.empty() || (waiting[0].frames_THWC.sizes() == clip.frames_THWC.sizes() &&
                              waiting[0].actions_TA.sizes() == clip.actions_TA.sizes());
      if (!fits || waiting.size() == kBatchClips) flush();
      waiting.push_back(std::move(clip));
    }
  }
  flush();
  if (progress_) progress_(what, source.num_episodes, source.num_episodes);
}

void Predictor::run_batch(Predict predict, const std::vector<Clip>& clips,
                          const PredictedFrameVisitor& visit) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> frames, actions;
  for (const auto& clip : clips) {
    frames.push_back(clip.frames_THWC);
    actions.push_back(clip.actions_TA);
  }
  const auto parameters = model_.parameters();
  const auto device = parameters.empty() ? at::Device(at::kCPU) : parameters[0].device();
  const auto predicted_BTHWC =
      (model_.*predict)(at::stack(frames).to(device), at::stack(actions).to(device), options_)
          .cpu();
  for (size_t row = 0; row < clips.size(); ++row) {
    const auto& clip = clips[row];
    const auto counted = predicted_BTHWC[static_cast<int64_t>(row)].slice(0, clip.skip);
    check_finite(counted, clip.episode, clip.first_target);
    for (int64_t i = 0; i < counted.size(0); ++i) {
      visit({clip.episode, clip.first_target + i, *clip.truth, to_unit_range(counted[i])});
    }
  }
}

}  // namespace nextframe
