#include "trainer/evaluate/surprise_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "trainer/evaluate/metrics.h"

namespace nextframe {
namespace {

constexpr double kSurpriseTie = 1e-6;  // relative: what rounding makes of equal surprises

using FourSurprises = std::array<double, 4>;
using SurprisesByPredictor = std::map<std::string, std::vector<FourSurprises>>;

/// The clips of one form, as episodes that begin with frame 0.
EpisodeSource clips_of_form(const EpisodeSource& held_out,
                            const std::vector<SurpriseQuadruplet>& quadruplets, size_t form) {
  EpisodeSource source;
  source.shape = held_out.shape;
  std::map<int64_t, const SurpriseQuadruplet*> by_number;
  for (const auto& four : quadruplets) {
    source.episodes.push_back({four.event.number, four.event.clip_end - four.event.clip_begin});
    by_number[four.event.number] = &four;
  }
  TORCH_CHECK(by_number.size() == quadruplets.size(),
              "surprise: quadruplets must be of different episodes");
  // The data's own actions: those that a model reads off the frames are this form's.
  const auto read_actions =
      held_out.read_recorded_actions ? held_out.read_recorded_actions : held_out.read_actions;
  source.read_actions = [=](int64_t number, int64_t first, int64_t count) {
    return read_actions(number, by_number.at(number)->event.clip_begin + first, count);
  };
  source.read = [=, actions = source.read_actions](int64_t number, int64_t first, int64_t count) {
    const auto& clip_THWC = by_number.at(number)->clips_THWC.at(form);
    return Episode{clip_THWC.narrow(0, first, count), actions(number, first, count)};
  };
  return source;
}

/// Sum of squared errors over matched pixels, at the event's frame `i`.
double surprise_at(const SurpriseQuadruplet& four, int64_t i, const at::Tensor& predicted_HWC,
                   const at::Tensor& true_HWC) {
  const auto error_HWC = (predicted_HWC - true_HWC).square();
  return (error_HWC * four.matched_WHW[i].unsqueeze(-1)).sum(at::kDouble).item<double>();
}

/// Adds the surprises by one predicted frame of the quadruplet at frame.place.
void add_surprises(const SurpriseQuadruplet& four, size_t form, const PredictedFrame& frame,
                   const at::Tensor& mean_frame_HWC, SurprisesByPredictor& surprises) {
  const auto& event = four.event;
  const int64_t i = event.clip_begin + frame.frame - event.begin;
  if (i < 0 || i >= event.end - event.begin) return;
  const auto true_HWC = to_unit_range(frame.true_HWC());
  auto predicted =
      baseline_frames(frame.truth.frames_THWC, frame.frame - frame.truth_begin, 1, mean_frame_HWC);
  predicted["model"] = frame.predicted_HWC;
  predicted["black"] = at::zeros_like(true_HWC);
  predicted["oracle"] = to_unit_range(four.clips_THWC.at(form % 2)[frame.frame]);
  for (const auto& [name, predicted_HWC] : predicted) {
    surprises.at(name)[frame.place].at(form) += surprise_at(four, i, predicted_HWC, true_HWC);
  }
}

double verdict_of(const FourSurprises& surprise) {
  const double possible = surprise[0] + surprise[1], impossible = surprise[2] + surprise[3];
  if (std::abs(impossible - possible) <= kSurpriseTie * (impossible + possible)) return 0.5;
  return impossible > possible ? 1 : 0;
}

}  // namespace

const std::vector<std::string>& trivial_surprise() {
  static const std::vector<std::string> names{"copy_last", "linear", "mean_frame", "black"};
  return names;
}

void judge_surprise(Predictor& predictor, const EpisodeSource& held_out,
                    const std::vector<SurpriseQuadruplet>& quadruplets,
                    const at::Tensor& mean_frame_HWC, SurpriseVerdicts& verdicts) {
  SurprisesByPredictor surprises{{"model", {}}, {"oracle", {}}};
  for (const auto& name : trivial_surprise()) surprises[name] = {};
  for (auto& [name, fours] : surprises) fours.resize(quadruplets.size(), FourSurprises{});
  for (size_t form = 0; form < 4; ++form) {
    const auto source = predictor.as_told(clips_of_form(held_out, quadruplets, form));
    predictor.teacher_forced(source, own_actions, [&](const PredictedFrame& frame) {
      add_surprises(quadruplets[frame.place], form, frame, mean_frame_HWC, surprises);
    });
  }
  for (const auto& [name, fours] : surprises) {
    for (const auto& four : fours) verdicts[name].push_back(verdict_of(four));
  }
}

Figure accuracy_of(const std::vector<double>& verdicts, int64_t num_episodes) {
  constexpr double kZ = 1.959964;  // of 95 %
  if (verdicts.empty()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none, none, 0};
  }
  const auto n = static_cast<double>(num_episodes);
  const double sum = std::accumulate(verdicts.begin(), verdicts.end(), 0.0);
  const double share = sum / static_cast<double>(verdicts.size()), square = kZ * kZ / n;
  const double centre = (share + square / 2) / (1 + square);
  const double half = std::sqrt(share * (1 - share) * square + square * square / 4) / (1 + square);
  return {share, std::max(0.0, centre - half), std::min(1.0, centre + half), num_episodes};
}

std::string surprise_problem(const SurpriseVerdicts& verdicts) {
  for (const auto& name : trivial_surprise()) {
    const auto& points = verdicts.at(name);
    const auto accuracy = accuracy_of(points, static_cast<int64_t>(points.size()));
    if (accuracy.low > 0.5 || accuracy.high < 0.5)
      return c10::str(name, ", which knows nothing, is right in ", accuracy.value, " of them");
  }
  const auto& points = verdicts.at("oracle");
  const auto accuracy = accuracy_of(points, static_cast<int64_t>(points.size()));
  if (accuracy.value < 1) return c10::str("the simulator is right in ", accuracy.value, " of them");
  return "";
}

}  // namespace nextframe
