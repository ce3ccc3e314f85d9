// Linear probes of many targets by the same features: which episodes they are fitted to, which
// choose lambda, which are tested; and what they tell.
#pragma once

#include <map>

#include "trainer/evaluate/figure.h"
#include "trainer/evaluate/probe_targets.h"

namespace nextframe {

/// A target as one probe answers it.
struct TargetScore {
  std::vector<Sums> episodes;  // as r2_of() takes them; of a relation {right answers, frames}
  double choice_r2 = 0;        // of the episodes that chose lambda: what layers are chosen by
};

/// By the target's place in Probes::targets().
using ScoreByTarget = std::map<size_t, TargetScore>;

/// Of twelve episodes, by their places, probes are fitted to six, two choose lambda (then all eight
/// are fitted to), and four are tested. A column counts if it varies, and if 40, 10 and 20 frames
/// of these have it; a relation must be the rarer way in 2 % of the tested frames.
class Probes {
 public:
  Probes(std::vector<ProbeTarget> targets, const ProbeFrames& frames);

  const std::vector<ProbeTarget>& targets() const { return targets_; }

  /// Whether a target has a column that counts. The others have no scores.
  bool asks(size_t target) const;

  /// What probes of these features tell of each target. With `shuffled`, they are fitted to the
  /// labels of other frames.
  ///   features_RF  floating, a row for each probed frame
  ScoreByTarget score(const at::Tensor& features_RF, bool shuffled = false) const;

  /// Of relations: the commoner answer in the frames that are fitted to, every time.
  ScoreByTarget majority() const;

  /// R^2, or the share of right answers; over the tested episodes that have such frames.
  Figure figure(Bootstrap& bootstrap, size_t target, const TargetScore& score) const;

 private:
  /// Columns that are asked in the same frames, so that they share their probes' products.
  struct ColumnGroup {
    std::vector<std::pair<size_t, size_t>> columns;  // target, and column in it
    at::Tensor targets_RC;
    at::Tensor fit, choice, test;  // rows, int64
  };
  /// A column as the tested frames answer it.
  struct Answer {
    at::Tensor truth_R1, predicted_R1, place_R;
    double choice_r2;
  };
  using AnswersByTarget = std::map<size_t, std::vector<Answer>>;

  void add_column(size_t target, size_t column);
  ScoreByTarget scores_of(const AnswersByTarget& answers) const;
  TargetScore joined(size_t target, const std::vector<Answer>& columns) const;

  std::vector<ProbeTarget> targets_;
  at::Tensor place_R_;
  std::vector<ColumnGroup> groups_;
};

}  // namespace nextframe
