// The `tokenizer` suite: what a tokenizer leaves of held-out frames. It is the ceiling of every
// figure of a model on its latents.
#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

/// What an episode adds.
enum TokenizerSum : size_t { kTokFrames, kTokMse, kTokPsnr, kTokSsim, kTokDetail, kTokTrueDetail };

constexpr int64_t kFramesOfAnEpisode = 64;  // at most, from its first on

Sums sums_of_episode(EvaluationContext& evaluation, const SourceEpisode& episode) {
  const auto truth = evaluation.held_out().read(episode.number, 0,
                                                std::min(episode.num_frames, kFramesOfAnEpisode));
  const auto frames_THWC = evaluation.predictor().reconstruct(truth.frames_THWC);
  Sums sums(6, 0.0);
  for (int64_t t = 0; t < frames_THWC.size(0); ++t) {
    const auto score =
        score_frame(to_unit_range(frames_THWC[t]), to_unit_range(truth.frames_THWC[t]));
    sums[kTokFrames] += 1;
    sums[kTokMse] += score.mse;
    sums[kTokPsnr] += score.psnr_db;
    sums[kTokSsim] += score.ssim;
    sums[kTokDetail] += score.detail;
    sums[kTokTrueDetail] += score.true_detail;
  }
  return sums;
}

SuiteReport run_tokenizer(EvaluationContext& evaluation) {
  SuiteReport report{
      "tokenizer",
      {},
      {},
      {{"tokenizer", c10::str("frames that were encoded and decoded again, of each episode at most "
                              "the first ",
                              kFramesOfAnEpisode, ": the best that a model on its latents can do")},
       {"sharpness", "energy of fine detail over the truth's, see the suite quality"}},
      {}};
  const auto& episodes = evaluation.held_out().episodes;
  std::vector<Sums> sums;
  for (const auto& episode : episodes) sums.push_back(sums_of_episode(evaluation, episode));
  const auto add = [&](const char* name, const Statistic& statistic) {
    report.figures.push_back({name, evaluation.bootstrap().figure(sums, statistic)});
  };
  const auto mean_of = [](TokenizerSum which) {
    return [which](const Sums& s) { return s[which] / s[kTokFrames]; };
  };
  add("mse", mean_of(kTokMse));
  add("psnr_db", mean_of(kTokPsnr));
  add("ssim", mean_of(kTokSsim));
  add("sharpness", [](const Sums& s) { return ratio(s[kTokDetail], s[kTokTrueDetail]); });
  return report;
}

NF_REGISTER_SUITE(tokenizer, "what the tokenizer leaves of frames: the ceiling of a latent model",
                  run_tokenizer, {.predicts = false, .has_tokenizer = true})

}  // namespace
}  // namespace nextframe
