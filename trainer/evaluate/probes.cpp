#include "trainer/evaluate/probes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/philox.h"
#include "trainer/evaluate/ridge.h"

namespace nextframe {
namespace {

constexpr uint64_t kShuffleKey = 0x73687566666C6564;  // "shuffled": shares no bits with others
constexpr int64_t kLeastFit = 40, kLeastChoice = 10, kLeastTest = 20;  // rows of a column
constexpr double kLeastMinority = 0.02;

enum class Part { fit, choice, test };

Part part_of(int64_t place) {
  if (place % 3 == 2) return Part::test;
  return place % 12 == 0 || place % 12 == 7 ? Part::choice : Part::fit;
}

at::Tensor rows_in(const at::Tensor& rows_R, const at::Tensor& place_R, Part part) {
  std::vector<int64_t> rows;
  const auto* asked = rows_R.const_data_ptr<bool>();
  const auto* place = place_R.const_data_ptr<int64_t>();
  for (int64_t row = 0; row < place_R.size(0); ++row) {
    if (asked[row] && part_of(place[row]) == part) rows.push_back(row);
  }
  return at::tensor(rows, at::kLong);
}

bool varies(const TargetColumn& column, const at::Tensor& rows, bool is_relation) {
  const auto values = column.values_R.index_select(0, rows);
  if (!is_relation) return values.ne(values[0]).any().item<bool>();
  const double share = values.gt(0).to(at::kDouble).mean().item<double>();
  return std::min(share, 1 - share) >= kLeastMinority;
}

/// The same rows in another order, drawn by counter.
at::Tensor shuffled_rows(const at::Tensor& rows) {
  std::vector<std::pair<uint32_t, int64_t>> drawn;
  const auto* row = rows.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.numel(); ++i)
    drawn.emplace_back(Philox(kShuffleKey, static_cast<uint64_t>(i), 0).value[0], row[i]);
  std::ranges::sort(drawn);
  std::vector<int64_t> order;
  for (const auto& [bits, value] : drawn) order.push_back(value);
  return at::tensor(order, at::kLong);
}

double share_right(const Sums& s) { return s[0] / s[1]; }

}  // namespace

Probes::Probes(std::vector<ProbeTarget> targets, const ProbeFrames& frames)
    : targets_(std::move(targets)), place_R_(frames.place_R) {
  for (size_t t = 0; t < targets_.size(); ++t) {
    for (size_t c = 0; c < targets_[t].columns.size(); ++c) add_column(t, c);
  }
  for (auto& group : groups_) {
    std::vector<at::Tensor> columns;
    for (const auto& [t, c] : group.columns) columns.push_back(targets_[t].columns[c].values_R);
    group.targets_RC = at::stack(columns, 1);
  }
}

void Probes::add_column(size_t target, size_t column) {
  const auto& asked = targets_[target].columns[column];
  const bool is_relation = targets_[target].is_relation;
  ColumnGroup group{{{target, column}},
                    {},
                    rows_in(asked.rows_R, place_R_, Part::fit),
                    rows_in(asked.rows_R, place_R_, Part::choice),
                    rows_in(asked.rows_R, place_R_, Part::test)};
  const bool is_often_asked = group.fit.numel() >= kLeastFit &&
                              group.choice.numel() >= kLeastChoice &&
                              group.test.numel() >= kLeastTest;
  if (!is_often_asked || !varies(asked, group.fit, is_relation) ||
      !varies(asked, group.test, is_relation)) {
    return;
  }
  const auto same = std::ranges::find_if(groups_, [&](const ColumnGroup& other) {
    return at::equal(other.fit, group.fit) && at::equal(other.choice, group.choice) &&
           at::equal(other.test, group.test);
  });
  if (same == groups_.end()) {
    groups_.push_back(std::move(group));
  } else {
    same->columns.emplace_back(target, column);
  }
}

bool Probes::asks(size_t target) const {
  return std::ranges::any_of(groups_, [&](const ColumnGroup& group) {
    return std::ranges::any_of(group.columns,
                               [&](const auto& column) { return column.first == target; });
  });
}

ScoreByTarget Probes::score(const at::Tensor& features_RF, bool shuffled) const {
  AnswersByTarget answers;
  for (const auto& group : groups_) {
    const auto part = [&](const at::Tensor& rows) {
      return ProbeRows{features_RF.index_select(0, rows),
                       group.targets_RC.index_select(0, shuffled ? shuffled_rows(rows) : rows)};
    };
    const auto answer =
        fit_probe(part(group.fit), part(group.choice), features_RF.index_select(0, group.test));
    const auto truth_RC = group.targets_RC.index_select(0, group.test);
    const auto place_R = place_R_.index_select(0, group.test);
    for (size_t i = 0; i < group.columns.size(); ++i) {
      const auto column = static_cast<int64_t>(i);
      answers[group.columns[i].first].push_back({truth_RC.narrow(1, column, 1),
                                                 answer.predicted_RC.narrow(1, column, 1), place_R,
                                                 answer.choice_r2[i]});
    }
  }
  return scores_of(answers);
}

ScoreByTarget Probes::majority() const {
  AnswersByTarget answers;
  for (const auto& group : groups_) {
    const auto truth_RC = group.targets_RC.index_select(0, group.test);
    const auto place_R = place_R_.index_select(0, group.test);
    const auto usual_C = group.targets_RC.index_select(0, group.fit).mean(0);
    for (size_t i = 0; i < group.columns.size(); ++i) {
      const size_t target = group.columns[i].first;
      if (!targets_[target].is_relation) continue;
      const auto column = static_cast<int64_t>(i);
      const auto truth_R1 = truth_RC.narrow(1, column, 1);
      answers[target].push_back({truth_R1, usual_C[column].expand_as(truth_R1), place_R, 0});
    }
  }
  return scores_of(answers);
}

Figure Probes::figure(Bootstrap& bootstrap, size_t target, const TargetScore& score) const {
  return bootstrap.figure(score.episodes, targets_[target].is_relation ? share_right : r2_of);
}

ScoreByTarget Probes::scores_of(const AnswersByTarget& answers) const {
  ScoreByTarget scores;
  for (const auto& [target, columns] : answers) scores[target] = joined(target, columns);
  return scores;
}

/// The columns' sums side by side; those of relations added.
TargetScore Probes::joined(size_t target, const std::vector<Answer>& columns) const {
  const bool is_relation = targets_[target].is_relation;
  const int64_t num_places = place_R_.max().item<int64_t>() + 1;
  std::vector<Sums> sums(static_cast<size_t>(num_places), Sums(is_relation ? 2 : 0, 0.0));
  std::vector<double> rows(sums.size(), 0.0);
  TargetScore score;
  for (const auto& [truth_R1, predicted_R1, place_R, choice_r2] : columns) {
    const auto is_right_R1 = truth_R1.gt(0).eq(predicted_R1.gt(0)).to(at::kDouble);
    // Of an answer that is right or not, the last sum counts the wrong ones.
    const auto more = is_relation
                          ? r2_sums(at::ones_like(is_right_R1), is_right_R1, place_R, num_places)
                          : r2_sums(truth_R1, predicted_R1, place_R, num_places);
    for (size_t place = 0; place < sums.size(); ++place) {
      const auto& four = more[place];
      rows[place] += four[0];
      if (is_relation) {
        sums[place][0] += four[0] - four[3];
        sums[place][1] += four[0];
      } else {
        sums[place].insert(sums[place].end(), four.begin(), four.end());
      }
    }
    // A column that does not vary there has none.
    if (!std::isnan(choice_r2)) score.choice_r2 += choice_r2 / static_cast<double>(columns.size());
  }
  for (size_t place = 0; place < sums.size(); ++place) {
    if (rows[place] > 0) score.episodes.push_back(std::move(sums[place]));
  }
  return score;
}

}  // namespace nextframe
