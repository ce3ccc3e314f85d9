#include "data/action_scale.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "data/shard_reader.h"
#include "kernels/base/philox.h"

namespace nextframe {
namespace {

constexpr int64_t kMostRows = 1 << 18, kLeastRows = 64;  // of a sample
constexpr int64_t kSampleNumbers = 1 << 24;              // rows times columns, where there are many
constexpr double kRounding = 1e-6;                       // of a float32, relative to its size
constexpr size_t kMostListed = 8, kMostWarned = 2;       // columns

/// Calls use(row, numbers) for every row that leads to another frame, counted from 0.
template <class Use>
int64_t each_row(std::span<const ShardReader> shards, const Use& use) {
  int64_t count = 0;
  for (const auto& shard : shards) {
    const auto* numbers = shard.actions().const_data_ptr<float>();
    const int64_t width = shard.actions().size(1);
    for (size_t e = 0; e < shard.episode_frames().size(); ++e) {
      const float* row = numbers + shard.episode_offsets()[e] * width;
      for (int64_t t = 0; t + 1 < shard.episode_frames()[e]; ++t) use(count++, row + t * width);
    }
  }
  return count;
}

/// Equal but for the last digits of a float32.
bool is_one_value(double low, double high) {
  return high - low <= kRounding * std::max(std::abs(low), std::abs(high));
}

/// Centre and scale by the sampled values of a column, whose low and high are known.
void finish(ActionColumn& column, std::vector<float>& values) {
  column.is_constant = is_one_value(column.low, column.high);
  const auto last = static_cast<double>(values.size() - 1);
  const auto at = [&](double rank) {
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(values.begin(), place, values.end());
    return static_cast<double>(*place);
  };
  column.centre = at(std::floor(0.5 * last));
  if (column.is_constant) return;
  double low = at(std::floor(0.01 * last)), high = at(std::ceil(0.99 * last));
  if (is_one_value(low, high)) low = column.low, high = column.high;
  column.scale = (high - low) / 2;
}

/// "3 ('gripper')" or "3".
std::string name_of(size_t column, const std::vector<std::string>& names) {
  return column < names.size() ? c10::str(column, " ('", names[column], "')")
                               : std::to_string(column);
}

std::vector<std::string> shortened(std::vector<std::string> lines, const std::string& set) {
  if (lines.size() <= kMostWarned) return lines;
  const size_t more = lines.size() - kMostWarned;
  lines.resize(kMostWarned);
  lines.push_back(c10::str(set, ": the same of ", more,
                           more == 1 ? " more column" : " more columns", " of the actions"));
  return lines;
}

}  // namespace

void ActionScale::apply(const float* row, float* out) const {
  for (size_t a = 0; a < centre.size(); ++a) {
    out[a] = static_cast<float>((static_cast<double>(row[a]) - centre[a]) / scale[a]);
  }
}

/// The sample has one row of each of equal runs of rows, drawn, because every n-th row could be the
/// first of every episode.
std::vector<ActionColumn> measure_actions(std::span<const ShardReader> shards) {
  const auto width = static_cast<size_t>(shards.front().actions().size(1));
  const int64_t num_rows = each_row(shards, [](int64_t, const float*) {});
  const int64_t most =
      std::clamp(kSampleNumbers / static_cast<int64_t>(width), kLeastRows, kMostRows);
  const int64_t run = std::max<int64_t>((num_rows + most - 1) / most, 1);
  std::vector<ActionColumn> columns(width);
  if (num_rows == 0) return columns;
  std::vector<const float*> sample;
  int64_t drawn = -1;
  each_row(shards, [&](int64_t number, const float* row) {
    for (size_t a = 0; a < width; ++a) {
      auto& column = columns[a];
      column.low = number == 0 ? row[a] : std::min<double>(column.low, row[a]);
      column.high = number == 0 ? row[a] : std::max<double>(column.high, row[a]);
    }
    if (number % run == 0) {
      const Philox bits(0, static_cast<uint64_t>(number / run), 0);
      drawn = number + std::min<int64_t>(bits.value[0] % run, num_rows - 1 - number);
    }
    if (number == drawn) sample.push_back(row);
  });
  std::vector<float> values(sample.size());
  for (size_t a = 0; a < width; ++a) {
    for (size_t i = 0; i < sample.size(); ++i) values[i] = sample[i][a];
    finish(columns[a], values);
  }
  return columns;
}

ActionScale scale_of(const std::vector<ActionColumn>& columns) {
  ActionScale result;
  for (const auto& column : columns) {
    result.centre.push_back(column.centre);
    result.scale.push_back(column.scale);
  }
  return result;
}

std::string describe(const ActionScale& scale, const std::vector<std::string>& names) {
  const size_t count = scale.centre.size();
  std::string text;
  for (size_t a = 0; a < std::min(count, kMostListed); ++a) {
    const double centre = scale.centre[a];
    text += c10::str(a > 0 ? "; " : "", a < names.size() ? names[a] : std::to_string(a), " (x ",
                     centre < 0 ? "+ " : "- ", std::abs(centre), ") / ", scale.scale[a]);
  }
  if (count > kMostListed) text += c10::str("; and ", count - kMostListed, " more");
  return text;
}

std::vector<std::string> constant_columns(const std::string& set,
                                          const std::vector<ActionColumn>& columns,
                                          const std::vector<std::string>& names) {
  std::vector<std::string> lines;
  for (size_t a = 0; a < columns.size(); ++a) {
    if (!columns[a].is_constant) continue;
    lines.push_back(c10::str(set, ": column ", name_of(a, names), " of the actions is always ",
                             columns[a].low, ": it tells a model nothing"));
  }
  return shortened(std::move(lines), set);
}

std::vector<std::string> columns_out_of_range(const std::string& set,
                                              const std::vector<ActionColumn>& columns,
                                              const ActionScale& scale,
                                              const std::vector<std::string>& names,
                                              const std::string& remedy) {
  std::vector<std::string> lines;
  for (size_t a = 0; a < columns.size(); ++a) {
    const auto standardised = [&](double x) { return (x - scale.centre[a]) / scale.scale[a]; };
    const double low = standardised(columns[a].low), high = standardised(columns[a].high);
    if (low >= -kUsualRange && high <= kUsualRange) continue;
    lines.push_back(c10::str(set, ": column ", name_of(a, names), " of the actions goes from ",
                             columns[a].low, " to ", columns[a].high, ", which is ", low, " to ",
                             high, " in units of the training set, beyond ", -kUsualRange, " to ",
                             kUsualRange, "; ", remedy));
  }
  return shortened(std::move(lines), set);
}

}  // namespace nextframe
