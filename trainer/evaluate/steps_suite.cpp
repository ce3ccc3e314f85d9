// The `steps` suite: what a sampling objective gains from more denoising steps a frame.
#include <algorithm>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

constexpr int64_t kMostSteps = 32, kEpisodes = 16, kHorizon = 16;

/// What an episode's rollout adds: of all frames, and of the last.
enum StepSum : size_t {
  kStepFrames,
  kStepMse,
  kStepDetail,
  kStepTrueDetail,
  kLastFrames,
  kLastPsnr,
  kLastCopyPsnr,
  kNumStepSums
};

double mse_of(const Sums& s) { return ratio(s[kStepMse], s[kStepFrames]); }
double sharpness_of(const Sums& s) { return ratio(s[kStepDetail], s[kStepTrueDetail]); }
double last_psnr_of(const Sums& s) { return ratio(s[kLastPsnr], s[kLastFrames]); }
double last_copy_psnr_of(const Sums& s) { return ratio(s[kLastCopyPsnr], s[kLastFrames]); }

std::vector<Sums> sums_by_episode(const std::vector<EpisodeScores>& scores, int64_t horizon) {
  std::vector<Sums> result;
  for (const auto& episode : scores) {
    const auto found = episode.by_predictor.find("model");
    if (found == episode.by_predictor.end()) continue;
    const auto& frames = found->second;
    Sums sums(kNumStepSums, 0.0);
    for (const auto& frame : frames) {
      sums[kStepFrames] += 1;
      sums[kStepMse] += frame.mse;
      sums[kStepDetail] += frame.detail;
      sums[kStepTrueDetail] += frame.true_detail;
    }
    const auto last = static_cast<size_t>(horizon - 1);
    if (frames.size() > last) {
      sums[kLastFrames] = 1;
      sums[kLastPsnr] = frames[last].psnr_db;
      sums[kLastCopyPsnr] = episode.by_predictor.at("copy_last")[last].psnr_db;
    }
    result.push_back(std::move(sums));
  }
  return result;
}

SuiteReport run_steps(EvaluationContext& evaluation) {
  const int64_t horizon = std::min(kHorizon, evaluation.config().horizon_frames);
  SuiteReport report{
      "steps",
      {},
      {},
      {{"steps", c10::str("rollouts of ", horizon, " frames of the first ", kEpisodes,
                          " episodes, whose frames are sampled in so many network calls, from the "
                          "same noise")},
       {"mse", "mean squared error of all these frames"},
       {"sharpness", "energy of fine detail over the truth's, see the suite quality"},
       {"last_psnr_db", c10::str("PSNR of dreamed frame ", horizon)},
       {"copy_last.last_psnr_db", "PSNR of the last true frame in its place"}},
      {}};
  FigureTable table{"steps", "steps", {}};
  for (int64_t steps = 1; steps <= kMostSteps; steps *= 2) {
    if (!evaluation.model().steps_problem(steps).empty()) continue;
    auto options = rollout_options(evaluation.config());
    options.denoise_steps = steps;
    const auto sums = sums_by_episode(evaluation.rollouts(options, kEpisodes, horizon), horizon);
    if (sums.empty()) break;
    auto& bootstrap = evaluation.bootstrap();
    table.rows.push_back({steps,
                          {{"mse", bootstrap.figure(sums, mse_of)},
                           {"sharpness", bootstrap.figure(sums, sharpness_of)},
                           {"last_psnr_db", bootstrap.figure(sums, last_psnr_of)},
                           {"copy_last.last_psnr_db", bootstrap.figure(sums, last_copy_psnr_of)}}});
  }
  if (table.rows.empty()) {
    report.notes.push_back(c10::str("no steps: no episode is longer than the context of ",
                                    evaluation.config().context_frames, " frames"));
  }
  report.tables.push_back(std::move(table));
  return report;
}

NF_REGISTER_LONG_SUITE(steps, "quality against the number of denoising steps", run_steps,
                       {.is_sampling = true})

}  // namespace
}  // namespace nextframe
