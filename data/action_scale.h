// Standardises actions that are numbers by what the training set holds, so that their unit does
// not matter: pixels, degrees and [-1, 1] reach a model alike.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace nextframe {

class ShardReader;

/// A number x of column a reaches the model as (x - centre[a]) / scale[a].
struct ActionScale {
  std::vector<double> centre, scale;  // one a column; empty: numbers are taken as they are stored

  bool is_empty() const { return centre.empty(); }
  bool operator==(const ActionScale&) const = default;

  /// One stored row; `out` has as many numbers.
  void apply(const float* row, float* out) const;
};

/// What one column holds in the rows that lead from a frame to the next: all but each episode's
/// last.
struct ActionColumn {
  double low = 0, high = 0;  // of all rows
  double centre = 0;         // the median
  double scale = 1;          // half of the range from the 1st to the 99th percentile
  bool is_constant = false;  // but for rounding; its scale is 1
};

/// Standardised numbers beyond this are told: the training set has next to none there.
inline constexpr double kUsualRange = 5;

/// The columns of shards whose actions are float32 [T, A], in float64 and in the order of the
/// shards. Of large sets, percentiles are those of a fixed sample of rows. A column that rarely
/// leaves one value has half of its whole range as scale.
std::vector<ActionColumn> measure_actions(std::span<const ShardReader> shards);

ActionScale scale_of(const std::vector<ActionColumn>& columns);

/// "dx (x - 0.5) / 12; dy (x + 3) / 7", with numbers where there are no names; only the first few.
std::string describe(const ActionScale& scale, const std::vector<std::string>& names);

/// A line a column that is constant; many are counted. `set` begins the line.
std::vector<std::string> constant_columns(const std::string& set,
                                          const std::vector<ActionColumn>& columns,
                                          const std::vector<std::string>& names);

/// The same of columns that lie beyond the usual range by `scale`; `remedy` ends the line.
std::vector<std::string> columns_out_of_range(const std::string& set,
                                              const std::vector<ActionColumn>& columns,
                                              const ActionScale& scale,
                                              const std::vector<std::string>& names,
                                              const std::string& remedy);

}  // namespace nextframe
