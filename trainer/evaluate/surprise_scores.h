// How surprised a model, and trivial predictors beside it, are by impossible events.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "trainer/evaluate/figure.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/evaluate/surprise_events.h"

namespace nextframe {

/// By predictor, a number for each quadruplet: 1 if the impossible pair surprises it more than the
/// possible one, 1/2 if both do as much, else 0. Predictors are "model", the trivial ones, and
/// "oracle", the simulator, which goes on with each clip as it began.
using SurpriseVerdicts = std::map<std::string, std::vector<double>>;

/// The predictors that must be at chance: copy_last, linear, mean_frame and black.
const std::vector<std::string>& trivial_surprise();

/// Adds a verdict for each of `quadruplets`, which are of different episodes of `held_out`. The
/// four clips of one are told the same actions, and sampled with the same noise.
void judge_surprise(Predictor& predictor, const EpisodeSource& held_out,
                    const std::vector<SurpriseQuadruplet>& quadruplets,
                    const at::Tensor& mean_frame_HWC, SurpriseVerdicts& verdicts);

/// The mean of verdicts, with the 95 % interval of Wilson (1927) of `num_episodes` of them, which
/// are independent; without any, n = 0.
Figure accuracy_of(const std::vector<double>& verdicts, int64_t num_episodes);

/// Why a set of quadruplets says nothing: a trivial predictor is not at chance, or the oracle is
/// not always right. "" if it counts.
std::string surprise_problem(const SurpriseVerdicts& verdicts);

}  // namespace nextframe
