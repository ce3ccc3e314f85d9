#include "trainer/evaluate/predictor.h"

#include <algorithm>
#include <numeric>

#include "kernels/torch.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// What goes through the model together, at most: clips, frames, and bytes of frames.
constexpr int64_t kBatchClips = 16, kBatchFrames = 2048, kBatchBytes = int64_t{32} << 20;
/// Of a piece of an episode that does not fit: small, so that a sign of life is never far away.
constexpr int64_t kPieceFrames = 512;
/// Scored frames between two signs of life.
constexpr int64_t kProgressFrames = 64;

int64_t frames_at_once(const ClipShape& shape) {
  const int64_t frame_bytes = shape.height_px * shape.width_px * shape.channels;
  return std::clamp<int64_t>(kBatchBytes / std::max<int64_t>(1, frame_bytes), 1, kBatchFrames);
}

void check_finite(const at::Tensor& predicted_THWC, int64_t episode, int64_t first_frame) {
  for (int64_t i = 0; i < predicted_THWC.size(0); ++i) {
    if (predicted_THWC[i].isfinite().all().item<bool>()) continue;
    throw NumericsError(
        c10::str("evaluate: the model's prediction of frame ", first_frame + i, " of episode ",
                 episode, " is not finite; the weights have diverged, take an earlier checkpoint"));
  }
}

}  // namespace

std::vector<EpisodePiece> pieces_of(int64_t num_frames, int64_t clip_frames, int64_t most_frames) {
  if (num_frames <= std::max(most_frames, clip_frames)) return {{0, num_frames, 1}};
  const int64_t advance = std::max<int64_t>(1, clip_frames / 2);
  const int64_t longest = std::max(std::min(most_frames, kPieceFrames), 2 * clip_frames);
  std::vector<EpisodePiece> pieces;
  int64_t predicted = 1;
  for (int64_t end = clip_frames; predicted < num_frames;
       end = std::min(end + advance, num_frames)) {
    const int64_t begin = end - clip_frames;
    if (pieces.empty() || end - pieces.back().begin > longest)
      pieces.push_back({begin, end, predicted});
    pieces.back().end = end;
    predicted = end;
  }
  return pieces;
}

std::vector<size_t> all_places(const EpisodeSource& source) {
  std::vector<size_t> places(source.episodes.size());
  std::iota(places.begin(), places.end(), size_t{0});
  return places;
}

/// What the model is shown of an episode, and which predictions count: those from `skip` on.
struct Predictor::Clip {
  size_t place;
  int64_t episode;
  Episode truth;
  int64_t truth_begin;
  at::Tensor frames_THWC;
  at::Tensor actions_TA;
  int64_t first_frame;   // of frames_THWC in the episode
  int64_t skip;          // predictions from too little context
  int64_t first_target;  // frame of the episode that prediction `skip` is of
};

class Predictor::Batches {
 public:
  Batches(Predictor& predictor, Predict call, int64_t most_frames,
          const PredictedFrameVisitor& visit, std::function<void()> show_life)
      : predictor_(predictor),
        call_(call),
        most_frames_(most_frames),
        visit_(visit),
        show_life_(std::move(show_life)) {}

  void add(Clip clip) {
    if (!fits(clip)) flush();
    waiting_.push_back(std::move(clip));
  }

  void flush() {
    if (!waiting_.empty()) run();
    waiting_.clear();
  }

 private:
  bool fits(const Clip& clip) const {
    if (waiting_.empty()) return true;
    const auto count = static_cast<int64_t>(waiting_.size());
    const auto& first = waiting_.front();
    return count < kBatchClips && (count + 1) * clip.actions_TA.size(0) <= most_frames_ &&
           first.first_frame == clip.first_frame &&
           first.frames_THWC.sizes() == clip.frames_THWC.sizes() &&
           first.actions_TA.sizes() == clip.actions_TA.sizes();
  }

  at::Tensor predict() const {
    std::vector<at::Tensor> frames, actions;
    std::vector<int64_t> episodes;
    for (const auto& clip : waiting_) {
      episodes.push_back(clip.episode);
      frames.push_back(clip.frames_THWC);
      actions.push_back(clip.actions_TA);
    }
    auto options = predictor_.options_;
    options.sample_ids_B = at::tensor(episodes);
    options.first_frame = waiting_.front().first_frame;
    auto& model = predictor_.model_;
    const auto device = device_of(model);
    return (model.*call_)(at::stack(frames).to(device), at::stack(actions).to(device), options)
        .cpu();
  }

  void run() {
    const torch::NoGradGuard no_grad;
    const auto predicted_BTHWC = predict();
    show_life_();
    for (size_t row = 0; row < waiting_.size(); ++row) {
      const auto& clip = waiting_[row];
      const auto counted = predicted_BTHWC[static_cast<int64_t>(row)].slice(0, clip.skip);
      check_finite(counted, clip.episode, clip.first_target);
      for (int64_t i = 0; i < counted.size(0); ++i) {
        if ((i + 1) % kProgressFrames == 0) show_life_();
        visit_({clip.place, clip.episode, clip.first_target + i, clip.truth, clip.truth_begin,
                to_unit_range(counted[i])});
      }
    }
  }

  Predictor& predictor_;
  const Predict call_;
  const int64_t most_frames_;
  const PredictedFrameVisitor& visit_;
  const std::function<void()> show_life_;
  std::vector<Clip> waiting_;
};

RolloutOptions rollout_options(const EvaluateConfig& config) {
  RolloutOptions options;
  options.denoise_steps = config.denoise_steps;
  options.guidance = config.guidance;
  return options;
}

Predictor::Predictor(WorldModel& model, RolloutOptions options, EvaluationProgress progress)
    : model_(model),
      options_(std::move(options)),
      progress_(std::move(progress)),
      was_training_(model.is_training()) {
  model_.eval();
  if (!progress_) progress_ = [](const std::string&, int64_t, int64_t) {};
}

Predictor::~Predictor() { model_.train(was_training_); }

bool Predictor::has_tokenizer() const { return model_.has_tokenizer(); }

at::Tensor Predictor::reconstruct(const at::Tensor& frames_THWC) {
  const torch::NoGradGuard no_grad;
  progress_("tokenizer", 0, 0);
  const auto frames_BTHWC = frames_THWC.unsqueeze(0).to(device_of(model_));
  return model_.reconstruct(frames_BTHWC).squeeze(0).cpu();
}

at::Tensor Predictor::fill(const Episode& clip, const std::vector<int64_t>& known, int64_t episode,
                           int64_t first) {
  const torch::NoGradGuard no_grad;
  progress_("fill", 0, 0);
  const auto device = device_of(model_);
  auto known_T = at::zeros({clip.frames_THWC.size(0)}, at::kBool);
  for (const int64_t frame : known) known_T[frame] = true;
  auto options = options_;
  options.sample_ids_B = at::full({1}, episode, at::kLong).to(device);
  options.first_frame = first;
  const auto filled_THWC = model_
                               .fill(clip.frames_THWC.unsqueeze(0).to(device), known_T.to(device),
                                     clip.actions_TA.unsqueeze(0).to(device), options)
                               .squeeze(0)
                               .cpu();
  check_finite(filled_THWC, episode, first);
  return filled_THWC;
}

std::vector<LayerStates> Predictor::hidden_states(const std::vector<Episode>& clips,
                                                  const std::vector<int64_t>& numbers,
                                                  int64_t first_frame) {
  const torch::NoGradGuard no_grad;
  progress_("hidden states", 0, 0);
  std::vector<at::Tensor> frames, actions;
  for (const auto& clip : clips) {
    frames.push_back(clip.frames_THWC);
    actions.push_back(clip.actions_TA);
  }
  auto options = options_;
  options.sample_ids_B = at::tensor(numbers);
  options.first_frame = first_frame;
  const auto device = device_of(model_);
  auto layers =
      model_.hidden_states(at::stack(frames).to(device), at::stack(actions).to(device), options);
  for (auto& [name, states_BTND] : layers) {
    states_BTND = states_BTND.cpu();
    if (states_BTND.isfinite().all().item<bool>()) continue;
    throw NumericsError("evaluate: the hidden states of the model's layer " + name +
                        " are not finite; the weights have diverged, take an earlier checkpoint");
  }
  return layers;
}

at::Tensor own_actions(size_t /*place*/, int64_t /*first*/, const Episode& truth) {
  return truth.actions_TA;
}

void Predictor::teacher_forced(const EpisodeSource& source, const ActionsOf& actions_of,
                               const PredictedFrameVisitor& visit) {
  const int64_t total = source.num_episodes(), most_frames = frames_at_once(source.shape);
  int64_t done = 0;
  const auto show_life = [&] { progress_("one-step", done, total); };
  Batches batches(*this, &WorldModel::one_step, most_frames, visit, show_life);
  for (; done < total; ++done) {
    show_life();
    const auto place = static_cast<size_t>(done);
    const auto& [number, num_frames] = source.episodes[place];
    if (num_frames <= kFirstScoredFrame) continue;
    for (const auto& piece : pieces_of(num_frames, source.shape.clip_frames, most_frames)) {
      // One frame more than the model sees: the linear baseline looks two back.
      const int64_t begin = std::max<int64_t>(0, piece.begin - 1);
      const auto truth = source.read(number, begin, piece.end - begin);
      const int64_t target = std::max(piece.first_target, kFirstScoredFrame);
      if (target >= piece.end) continue;  // clips of 4 frames or less
      batches.add({place, number, truth, begin, truth.frames_THWC.slice(0, piece.begin - begin),
                   actions_of(place, begin, truth).slice(0, piece.begin - begin), piece.begin,
                   target - piece.begin - 1, target});
    }
  }
  batches.flush();
  show_life();
}

void Predictor::rollouts(const EpisodeSource& source, const std::vector<size_t>& places,
                         int64_t context_frames, int64_t horizon_frames,
                         const PredictedFrameVisitor& visit, const ActionsOf& actions_of) {
  const auto total = static_cast<int64_t>(places.size());
  int64_t done = 0;
  const auto show_life = [&] { progress_("rollouts", done, total); };
  Batches batches(*this, &WorldModel::rollout, frames_at_once(source.shape), visit, show_life);
  for (; done < total; ++done) {
    show_life();
    const auto place = places[static_cast<size_t>(done)];
    const auto& [number, num_frames] = source.episodes[place];
    if (num_frames <= context_frames) continue;
    const int64_t count = context_frames + std::min(horizon_frames, num_frames - context_frames);
    const auto truth = source.read(number, 0, count);
    batches.add({place, number, truth, 0, truth.frames_THWC.narrow(0, 0, context_frames),
                 actions_of(place, 0, truth).narrow(0, 0, count - 1), 0, 0, context_frames});
  }
  batches.flush();
  show_life();
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

at::Tensor mean_frame(const EpisodeSource& source, const std::function<void()>& show_life) {
  constexpr int64_t kPieceBytes = int64_t{16} << 20;
  const auto& shape = source.shape;
  const int64_t frame_bytes = shape.height_px * shape.width_px * shape.channels;
  const int64_t piece_frames =
      std::max<int64_t>(1, kPieceBytes / std::max<int64_t>(1, frame_bytes));
  auto sum_HWC = at::zeros({shape.height_px, shape.width_px, shape.channels}, at::kLong);
  int64_t num_frames = 0;
  for (const auto& episode : source.episodes) {
    const int64_t wanted = std::min(episode.num_frames, kMeanFrameFrames - num_frames);
    for (int64_t first = 0; first < wanted; first += piece_frames) {
      const auto piece = source.read(episode.number, first, std::min(piece_frames, wanted - first));
      sum_HWC += piece.frames_THWC.sum(0, false, at::kLong);
      if (show_life) show_life();
    }
    num_frames += wanted;
  }
  TORCH_CHECK(num_frames > 0, "evaluate: the mean frame needs at least one frame, got none");
  return sum_HWC.to(at::kDouble).div_(255.0 * static_cast<double>(num_frames)).to(at::kFloat);
}

}  // namespace nextframe
