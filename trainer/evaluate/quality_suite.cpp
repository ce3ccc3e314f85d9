// The `quality` suite: how good predicted frames are, one frame ahead and dreamed further.
#include <algorithm>

#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/predictor.h"

namespace nextframe {
namespace {

/// What an episode adds to every figure of one predictor.
enum SumIndex : size_t {
  kFrames,
  kMse,
  kPsnr,
  kSsim,
  kCapped,
  kDetail,
  kTrueDetail,
  kCopyLast,
  kMeanFrame,
  kNumSums
};

double mean_mse(const Sums& s) { return s[kMse] / s[kFrames]; }
double mean_psnr_db(const Sums& s) { return s[kPsnr] / s[kFrames]; }
double mean_ssim(const Sums& s) { return s[kSsim] / s[kFrames]; }
double capped_fraction(const Sums& s) { return s[kCapped] / s[kFrames]; }
double psnr_pooled_db(const Sums& s) { return psnr_db(mean_mse(s)); }
double mse_over_copy_last(const Sums& s) { return ratio(s[kMse], s[kCopyLast]); }
double sharpness(const Sums& s) { return ratio(s[kDetail], s[kTrueDetail]); }
double skill(const Sums& s) { return 1 - ratio(s[kMse], std::min(s[kCopyLast], s[kMeanFrame])); }

/// The score of `frame` by `predictor`, or null where it was not predicted.
const FrameScore* score_at(const EpisodeScores& scores, const std::string& predictor,
                           int64_t frame) {
  const auto found = scores.by_predictor.find(predictor);
  const int64_t place = frame - scores.first_frame;
  if (found == scores.by_predictor.end() || place < 0) return nullptr;
  const auto& frames = found->second;
  return place < static_cast<int64_t>(frames.size()) ? &frames[static_cast<size_t>(place)]
                                                     : nullptr;
}

/// Sums over frames [first, last) of each episode that has any. `reference` holds the baselines
/// that the predictor is compared with.
std::vector<Sums> sums_of(const std::vector<EpisodeScores>& scores, const std::string& predictor,
                          const std::vector<EpisodeScores>& reference, int64_t first,
                          int64_t last) {
  std::vector<Sums> episodes;
  for (size_t episode = 0; episode < scores.size(); ++episode) {
    Sums sums(kNumSums, 0.0);
    for (int64_t frame = first; frame < last; ++frame) {
      const auto* own = score_at(scores[episode], predictor, frame);
      const auto* copy_last = score_at(reference[episode], "copy_last", frame);
      const auto* mean_frame = score_at(reference[episode], "mean_frame", frame);
      if (own == nullptr || copy_last == nullptr || mean_frame == nullptr) break;
      sums[kFrames] += 1;
      sums[kMse] += own->mse;
      sums[kPsnr] += own->psnr_db;
      sums[kSsim] += own->ssim;
      sums[kCapped] += own->psnr_db == kPsnrCapDb ? 1 : 0;
      sums[kDetail] += own->detail;
      sums[kTrueDetail] += own->true_detail;
      sums[kCopyLast] += copy_last->mse;
      sums[kMeanFrame] += mean_frame->mse;
    }
    if (sums[kFrames] > 0) episodes.push_back(std::move(sums));
  }
  return episodes;
}

const std::pair<const char*, Statistic> kBasic[] = {
    {"mse", mean_mse}, {"psnr_db", mean_psnr_db}, {"ssim", mean_ssim}};

void add_one_step(EvaluationContext& evaluation, SuiteReport& report) {
  const auto& scores = evaluation.one_step();
  int64_t last = 0;
  for (const auto& episode : scores) {
    const auto found = episode.by_predictor.find("model");
    if (found == episode.by_predictor.end()) continue;
    last = std::max(last, episode.first_frame + static_cast<int64_t>(found->second.size()));
  }
  const auto add = [&](const std::string& name, const std::string& predictor,
                       const Statistic& statistic) {
    const auto sums = sums_of(scores, predictor, scores, kFirstScoredFrame, last);
    report.figures.push_back({"one_step." + name, evaluation.bootstrap().figure(sums, statistic)});
  };
  for (const auto& [name, statistic] : kBasic) add(name, "model", statistic);
  add("mse_over_copy_last", "model", mse_over_copy_last);
  add("sharpness", "model", sharpness);
  add("psnr_pooled_db", "model", psnr_pooled_db);
  add("psnr_capped_fraction", "model", capped_fraction);
  for (const std::string baseline : {"copy_last", "mean_frame", "linear"}) {
    for (const auto& [name, statistic] : kBasic) add(baseline + "." + name, baseline, statistic);
  }
}

FigureRow rollout_row(EvaluationContext& evaluation, const std::vector<EpisodeScores>& rollouts,
                      int64_t horizon) {
  FigureRow row{horizon, {}};
  const int64_t frame = evaluation.config().context_frames + horizon - 1;
  const auto add = [&](const std::string& prefix, const std::vector<EpisodeScores>& scores,
                       const std::string& predictor) {
    const auto sums = sums_of(scores, predictor, rollouts, frame, frame + 1);
    if (sums.empty()) return;
    auto& bootstrap = evaluation.bootstrap();
    for (const auto& [name, statistic] : kBasic) {
      row.figures.push_back({prefix + name, bootstrap.figure(sums, statistic)});
    }
    row.figures.push_back({prefix + "skill", bootstrap.figure(sums, skill)});
    if (predictor == "model")
      row.figures.push_back({prefix + "sharpness", bootstrap.figure(sums, sharpness)});
  };
  add("", rollouts, "model");
  for (const std::string baseline : {"copy_last", "mean_frame", "linear"}) {
    add(baseline + ".", rollouts, baseline);
  }
  add("teacher_forced.", evaluation.one_step(), "model");
  return row;
}

std::vector<Definition> definitions(const std::string& mean_frame_source) {
  return {
      {"one_step",
       "every frame from index 4 on, predicted from true frames only, in windows of at "
       "most clip_frames frames that advance by half a clip"},
      {"rollout",
       "frames dreamed from the first context_frames true frames of an episode and the "
       "true actions; horizon 1 is the first dreamed frame"},
      {"mse",
       "mean squared error over height, width and channels, frames in [0, 1], predictions "
       "clipped; then mean over frames"},
      {"psnr_db", "10 log10(1 / mse) of each frame, at most 100 dB; then mean over frames"},
      {"psnr_pooled_db", "10 log10(1 / mse) of the mean mse"},
      {"psnr_capped_fraction", "share of frames whose PSNR was cut to 100 dB"},
      {"ssim",
       "Wang et al. 2004: Gaussian window 11 px, sigma 1.5, population covariance, data "
       "range 1, valid region, mean over channels; smaller windows below 11 px"},
      {"sharpness",
       "energy of fine detail, the sum of (x - b(x))^2 with b the binomial blur [1 2 1] / 4, of "
       "the "
       "prediction over that of the truth: 1 is as sharp as the truth, less is blurred"},
      {"mse_over_copy_last", "sum of the model's mse over the sum of copy_last's"},
      {"skill",
       "1 - mse / min(mse of copy_last, mse of mean_frame) at that horizon: 1 is perfect, "
       "0 no better than the better trivial guess"},
      {"copy_last", "the last true frame that the predictor knows"},
      {"mean_frame", c10::str("the mean of the ", mean_frame_source, "'s first ", kMeanFrameFrames,
                              " frames, or of all if there are fewer")},
      {"linear",
       "clip(x + horizon * (x - x')) per pixel, x the last known frame and x' the one "
       "before"},
      {"teacher_forced", "the model's one-step prediction of the same frame"},
  };
}

SuiteReport run_quality(EvaluationContext& evaluation) {
  SuiteReport report{"quality", {}, {}, definitions(evaluation.mean_frame_source()), {}};
  if (evaluation.model().can_step()) {
    add_one_step(evaluation, report);
  } else {
    report.notes.push_back("no one_step: predictions are of dreams alone");
  }
  FigureTable table{"rollout", "horizon", {}};
  const auto rollouts = evaluation.rollouts();
  for (int64_t horizon = 1; horizon <= evaluation.config().horizon_frames; ++horizon) {
    auto row = rollout_row(evaluation, rollouts, horizon);
    if (!row.figures.empty()) table.rows.push_back(std::move(row));
  }
  const int64_t context_frames = evaluation.config().context_frames;
  const auto& episodes = evaluation.held_out().episodes;
  const auto num_short = std::count_if(episodes.begin(), episodes.end(), [&](const auto& episode) {
    return episode.num_frames <= context_frames;
  });
  if (num_short > 0) {
    const std::string which =
        table.rows.empty() ? "no rollout: no episode is"
                           : c10::str("no rollout of ", num_short, " episodes, which are not");
    report.notes.push_back(
        c10::str(which, " longer than the context of ", context_frames, " frames"));
  }
  report.tables.push_back(std::move(table));
  return report;
}

NF_REGISTER_SUITE(quality, "MSE, PSNR, SSIM and skill, one step ahead and in rollouts", run_quality,
                  {})

}  // namespace
}  // namespace nextframe
