#include "trainer/evaluate/comparison.h"

#include <algorithm>
#include <cmath>

namespace nextframe {
namespace {

struct Metric {
  const char* name;
  double FrameScore::*member;
  bool more_is_better;
};

constexpr Metric kMetrics[] = {{"mse", &FrameScore::mse, false},
                               {"psnr_db", &FrameScore::psnr_db, true},
                               {"ssim", &FrameScore::ssim, true}};

const std::vector<FrameScore>& model_frames(const EpisodeScores& episode) {
  static const std::vector<FrameScore> none;
  const auto found = episode.by_predictor.find("model");
  return found == episode.by_predictor.end() ? none : found->second;
}

/// Adds up `member` of frames [begin, end) of both models' scores by episode: {first's, other's,
/// frames}. Episodes that lack these frames are left out.
std::vector<Sums> paired_sums(const std::vector<EpisodeScores>& first,
                              const std::vector<EpisodeScores>& other, double FrameScore::*member,
                              size_t begin, size_t end) {
  std::vector<Sums> sums;
  for (size_t episode = 0; episode < first.size(); ++episode) {
    const auto &a = model_frames(first[episode]), &b = model_frames(other[episode]);
    const size_t last = std::min({end, a.size(), b.size()});
    if (begin >= last) continue;
    Sums sum{0, 0, 0};
    for (size_t frame = begin; frame < last; ++frame) {
      sum[0] += a[frame].*member;
      sum[1] += b[frame].*member;
      sum[2] += 1;
    }
    sums.push_back(std::move(sum));
  }
  return sums;
}

}  // namespace

std::string ComparedFigure::verdict() const {
  if (difference.n == 0 || (difference.low <= 0 && difference.high >= 0)) return "no difference";
  return (difference.value > 0) == more_is_better ? "better" : "worse";
}

std::vector<int64_t> compared_horizons(int64_t horizon_frames) {
  std::vector<int64_t> horizons;
  for (int64_t horizon = 1; horizon <= horizon_frames; horizon *= 2) horizons.push_back(horizon);
  return horizons;
}

std::vector<ComparedFigure> compare_scores(const ModelScores& first, const ModelScores& other,
                                           int64_t horizon_frames) {
  std::vector<ComparedFigure> figures;
  Bootstrap bootstrap(0);
  const auto add = [&](const std::string& prefix, const std::vector<EpisodeScores>& a,
                       const std::vector<EpisodeScores>& b, size_t begin, size_t end) {
    for (const auto& metric : kMetrics) {
      const auto sums = paired_sums(a, b, metric.member, begin, end);
      if (sums.empty()) continue;
      figures.push_back({prefix + metric.name,
                         bootstrap.figure(sums, [](const Sums& s) { return s[1] / s[2]; }),
                         bootstrap.figure(sums, [](const Sums& s) { return (s[1] - s[0]) / s[2]; }),
                         metric.more_is_better});
    }
  };
  add("one_step.", first.one_step, other.one_step, 0, SIZE_MAX);
  for (const int64_t horizon : compared_horizons(horizon_frames)) {
    add("rollout." + std::to_string(horizon) + ".", first.rollouts, other.rollouts,
        static_cast<size_t>(horizon - 1), static_cast<size_t>(horizon));
  }
  return figures;
}

}  // namespace nextframe
