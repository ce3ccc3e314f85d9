// The `distribution` suite: whether dreamed clips look like true ones taken together, whatever they
// show in particular. Distances of dreams from true clips of other episodes stand beside those
// between true clips of the same two sets of episodes, the least that a perfect dream can have.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/evaluate/sample_distance.h"

namespace nextframe {
namespace {

constexpr int64_t kDistributionEpisodes = 64, kClipFrames = 16, kJackknifeGroups = 16;
constexpr int64_t kLeastDistributionEpisodes = 8;
constexpr double kFewClips = 2;  // clips for each feature, below which a note says so

/// All clips, in the order of their episodes.
struct DreamedClips {
  std::map<std::string, at::Tensor> features_ND;
  at::Tensor episode_N;  // int64, 0 .. num_episodes - 1, the same for each kind
  int64_t num_episodes = 0;
};

at::Tensor to_bytes(const at::Tensor& frame_HWC) {
  return to_unit_range(frame_HWC).mul(255).round().to(at::kByte);
}

/// Overlapping clips of an episode's frames [T, H, W, C], by half of their length.
at::Tensor clips_of(const std::vector<at::Tensor>& frames_HWC, int64_t clip_frames) {
  const auto frames_THWC = at::stack(frames_HWC);
  std::vector<at::Tensor> clips;
  const int64_t advance = std::max<int64_t>(1, clip_frames / 2);
  for (int64_t first = 0; first + clip_frames <= frames_THWC.size(0); first += advance)
    clips.push_back(frames_THWC.narrow(0, first, clip_frames));
  return at::stack(clips);
}

/// One episode's frames of each kind, as they are dreamed.
struct DreamedFrames {
  std::map<std::string, std::vector<at::Tensor>> of;

  void add(const PredictedFrame& frame, int64_t context_frames) {
    of["true"].push_back(frame.true_HWC());
    of["model"].push_back(to_bytes(frame.predicted_HWC));
    of["copy_last"].push_back(frame.truth.frames_THWC[context_frames - 1 - frame.truth_begin]);
  }
};

DreamedClips dreamed_clips(EvaluationContext& evaluation, const ClipFeatures& features,
                           int64_t clip_frames) {
  const auto& source = evaluation.held_out();
  const int64_t context = evaluation.config().context_frames;
  const int64_t horizon = evaluation.config().horizon_frames;
  auto places = all_places(source);
  std::erase_if(places, [&](size_t place) {
    return source.episodes[place].num_frames < context + clip_frames;
  });
  places.resize(std::min(places.size(), static_cast<size_t>(kDistributionEpisodes)));
  std::map<std::string, std::vector<at::Tensor>> parts;
  std::vector<int64_t> episodes;
  DreamedClips clips;
  DreamedFrames frames;
  evaluation.predictor().rollouts(source, places, context, horizon, [&](const PredictedFrame& one) {
    frames.add(one, context);
    const auto num_frames = source.episodes[one.place].num_frames;
    if (one.frame + 1 < std::min(num_frames, context + horizon)) return;
    int64_t count = 0;
    for (const auto& [kind, frames_HWC] : frames.of) {
      parts[kind].push_back(features.compute(clips_of(frames_HWC, clip_frames)));
      count = parts[kind].back().size(0);
    }
    episodes.insert(episodes.end(), static_cast<size_t>(count), clips.num_episodes++);
    frames = {};
  });
  for (const auto& [kind, tensors] : parts) clips.features_ND[kind] = at::cat(tensors);
  clips.episode_N = at::tensor(episodes, at::kLong);
  return clips;
}

/// Every feature less its mean over true clips, over its deviation there.
void standardise(DreamedClips& clips) {
  const auto true_ND = clips.features_ND.at("true");
  const auto mean_D = true_ND.mean(0), deviation_D = true_ND.std(0, /*unbiased=*/false);
  const auto scale_D = at::where(deviation_D.gt(1e-9), deviation_D, 1.0);
  for (auto& [kind, features_ND] : clips.features_ND)
    features_ND = (features_ND - mean_D) / scale_D;
}

/// {Fréchet distance, squared MMD}
using Distances = std::array<double, 2>;
constexpr std::array<const char*, 2> kDistanceNames{"frechet", "mmd2"};

/// The distances by kind, "true" being that of the floor, without the episodes of one group (-1:
/// of all). Even episodes are one half, odd ones the other; a kind's clips of each half are
/// compared with the true ones of the other half.
std::map<std::string, Distances> distances_without(const DreamedClips& clips, int64_t group,
                                                   int64_t num_groups) {
  const auto kept_N = clips.episode_N.div(2, "floor").remainder(num_groups).ne(group);
  const auto parity_N = clips.episode_N.remainder(2);
  std::array<at::Tensor, 2> rows;
  for (int64_t half = 0; half < 2; ++half) {
    rows.at(static_cast<size_t>(half)) = kept_N.logical_and(parity_N.eq(half)).nonzero().squeeze(1);
  }
  std::map<std::string, Distances> distances;
  for (const auto& [kind, features_ND] : clips.features_ND) {
    auto& mean = distances[kind];
    for (size_t half = 0; half < 2; ++half) {
      if (kind == "true" && half == 1) break;  // the same as of the first
      const auto& own = rows.at(half);
      const auto& other = rows.at(1 - half);
      const auto x_ND = features_ND.index_select(0, own);
      const auto y_MD = clips.features_ND.at("true").index_select(0, other);
      const double share = kind == "true" ? 1 : 0.5;
      mean[0] += share * frechet_distance(x_ND, y_MD);
      mean[1] += share * polynomial_mmd2(x_ND, y_MD, clips.episode_N.index_select(0, own),
                                         clips.episode_N.index_select(0, other));
    }
  }
  return distances;
}

void report_distances(const DreamedClips& clips, SuiteReport& report) {
  const int64_t groups = std::min(kJackknifeGroups, clips.num_episodes / 2);
  const auto all = distances_without(clips, -1, groups);
  std::vector<std::map<std::string, Distances>> without;
  for (int64_t group = 0; group < groups; ++group)
    without.push_back(distances_without(clips, group, groups));
  const auto add = [&](const std::string& name, const auto& value_of) {
    std::vector<double> values;
    for (const auto& some : without) values.push_back(value_of(some));
    report.figures.push_back({name, jackknife_figure(value_of(all), values, clips.num_episodes)});
  };
  for (size_t i = 0; i < kDistanceNames.size(); ++i) {
    const std::string name = kDistanceNames.at(i);
    const auto distance_of = [i](const std::string& kind) {
      return [i, kind](const std::map<std::string, Distances>& of) { return of.at(kind).at(i); };
    };
    add(name, distance_of("model"));
    add("floor." + name, distance_of("true"));
    add("excess." + name, [i](const std::map<std::string, Distances>& of) {
      return of.at("model").at(i) - of.at("true").at(i);
    });
    add("copy_last." + name, distance_of("copy_last"));
  }
}

std::vector<Definition> distribution_definitions(const ClipFeatures& features,
                                                 int64_t clip_frames) {
  return {
      {"clips",
       c10::str("of ", clip_frames, " frames, half of it apart, of the dreams of the first ",
                kDistributionEpisodes, " episodes and of the same frames in truth")},
      {"features", c10::str(features.name, features.is_of_any_scale
                                               ? ", each over its deviation in true clips; not FVD"
                                               : ", as they are")},
      {"frechet",
       "Fréchet distance between the features of dreams and of true clips of other episodes: those "
       "of even ones against odd ones, and the reverse, mean of both"},
      {"mmd2",
       "squared maximum mean discrepancy of the same, kernel (a'b / D + 1)^3, U-statistic without "
       "pairs of one episode"},
      {"floor",
       "the same between true clips of even and of odd episodes: what a perfect model has"},
      {"excess", "the model's less the floor's, interval of the difference; 0 is perfect"}};
}

/// Why there is no distance, or "".
std::string distribution_problem(const ClipFeatures& features, const ClipShape& shape,
                                 int64_t clip_frames) {
  if (clip_frames < features.least_frames)
    return c10::str("dreams of ", clip_frames, " frames are too short: the features need ",
                    features.least_frames);
  if (std::min(shape.height_px, shape.width_px) < features.least_px)
    return c10::str("frames are smaller than the ", features.least_px, " px of a filter");
  return "";
}

SuiteReport run_distribution(EvaluationContext& evaluation) {
  const auto features = evaluation.aids().clip_features.value_or(filter_features());
  const int64_t clip_frames = std::min(kClipFrames, evaluation.config().horizon_frames);
  SuiteReport report{"distribution", {}, {}, distribution_definitions(features, clip_frames), {}};
  const auto problem = distribution_problem(features, evaluation.held_out().shape, clip_frames);
  if (!problem.empty()) {
    report.notes.push_back("left out: " + problem);
    return report;
  }
  auto clips = dreamed_clips(evaluation, features, clip_frames);
  if (clips.num_episodes < kLeastDistributionEpisodes) {
    report.notes.push_back(c10::str("left out: ", clips.num_episodes, " episodes have ",
                                    clip_frames, " frames after the context; it needs ",
                                    kLeastDistributionEpisodes));
    return report;
  }
  if (features.is_of_any_scale) standardise(clips);
  const auto sizes = clips.features_ND.at("true").sizes();
  report.definitions.push_back(
      {"N", c10::str(sizes[0] / 2, " clips on either side, of ", sizes[1], " features each")});
  if (static_cast<double>(sizes[0] / 2) < kFewClips * static_cast<double>(sizes[1])) {
    report.notes.push_back(
        c10::str("of ", sizes[0] / 2, " clips with ", sizes[1],
                 " features each frechet is mostly bias, which the floor shares; "
                 "read excess and mmd2, or raise evaluate.episodes"));
  }
  report_distances(clips, report);
  return report;
}

NF_REGISTER_LONG_SUITE(distribution, "how far dreamed clips are from true ones as distributions",
                       run_distribution, {})

}  // namespace
}  // namespace nextframe
