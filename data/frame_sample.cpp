#include "data/frame_sample.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "data/shard_reader.h"

namespace nextframe {
namespace {

constexpr int64_t kLeastRuns = 4, kMostRuns = 256, kMostRunFrames = 24, kLeastRunFrames = 4;
constexpr int64_t kCells = 4;  // a side
constexpr int64_t kLeastPairs = 64;
constexpr int64_t kLeastEpisodes = 8;  // to tell episodes apart, else runs of frames
constexpr int64_t kMostChoices = 256;  // that are told apart here
constexpr int64_t kBestMotions = 6;    // that are judged: an action moves a part of the frame
constexpr double kRidge = 1e-2;

at::Tensor read_run(const ShardReader& shard, int64_t first, int64_t count) {
  const auto [H, W, C] = shard.frame_shape();
  const at::Tensor frames_THWC = at::empty({count, H, W, C}, at::kByte);
  shard.read_frames(first, count, 1, frames_THWC.data_ptr<uint8_t>());
  return frames_THWC;
}

/// Sums over a grid of cells: [T, H, W] to [T, cells].
at::Tensor cell_sums(const at::Tensor& values_THW) {
  const int64_t rows = std::min(kCells, values_THW.size(1)),
                columns = std::min(kCells, values_THW.size(2));
  return at::adaptive_avg_pool2d(values_THW, {rows, columns}).flatten(1);
}

/// Of the frames t of a run that a frame t+1 follows: [T-1, M]. The shifts are those of Lucas and
/// Kanade (1981), one direction at a time.
at::Tensor motions_of(const at::Tensor& frames_THWC) {
  at::Tensor grey_THW = frames_THWC.to(at::kFloat).mean(3).div_(255);
  const int64_t H = grey_THW.size(1), W = grey_THW.size(2);
  if (H > 64 || W > 64) {
    grey_THW =
        at::adaptive_avg_pool2d(grey_THW, {std::min<int64_t>(H, 64), std::min<int64_t>(W, 64)});
  }
  const int64_t last = grey_THW.size(0) - 1;
  const at::Tensor change = grey_THW.slice(0, 1) - grey_THW.slice(0, 0, last);
  const at::Tensor mean = (grey_THW.slice(0, 1) + grey_THW.slice(0, 0, last)).div_(2);
  std::vector<at::Tensor> motions{cell_sums(change), cell_sums(change.abs())};
  for (const int64_t direction : {1, 2}) {
    if (mean.size(direction) < 3) continue;
    const int64_t end = mean.size(direction);
    const at::Tensor slope = (mean.slice(direction, 2) - mean.slice(direction, 0, end - 2)).div_(2);
    const at::Tensor inner = change.slice(direction, 1, end - 1);
    for (const bool whole : {false, true}) {
      const auto sums = [&](const at::Tensor& values) {
        return whole ? values.flatten(1).mean(1, true) : cell_sums(values);
      };
      motions.push_back(sums(slope * inner) / (sums(slope * slope) + 1e-4));
    }
  }
  return at::cat(motions, 1);
}

/// [T, A'] float64: a choice as one-hot.
at::Tensor numbers_of(const at::Tensor& actions, const ActionSpace& space, int64_t choices) {
  if (space.kind != ActionSpace::Kind::discrete) return actions.to(at::kDouble);
  return at::one_hot(actions.clamp_max(choices - 1), choices).to(at::kDouble);
}

/// Columns of mean 0 and deviation 1; a constant one becomes 0.
at::Tensor standardised(const at::Tensor& values) {
  const at::Tensor deviation = values.std(0, false, true);
  return (values - values.mean(0, true)) / deviation.clamp_min(1e-9) * deviation.gt(1e-9);
}

at::Tensor with_constant(const at::Tensor& x) {
  return at::cat({x, at::ones({x.size(0), 1}, at::kDouble)}, 1);
}

/// Weights [A+1, M] by which actions x predict motions y.
at::Tensor learned_weights(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor ridge =
      at::eye(x.size(1), at::kDouble) * kRidge * static_cast<double>(x.size(0));
  return at::linalg_solve(x.t().mm(x) + ridge, x.t().mm(y));
}

/// Pairs of frames, and what could explain their motion.
struct MotionRows {
  at::Tensor motions;                 // [N, M]
  std::array<at::Tensor, 3> actions;  // [N, A]: those of row t, t+1 and t-1
  at::Tensor episodes;                // [N]
};

/// Squared errors over the variance of `motions`; 1, nothing explained, where nothing moves.
at::Tensor share_of(const at::Tensor& squared_errors, const at::Tensor& motions) {
  const at::Tensor variance = motions.var(0, false);
  return at::where(variance.gt(1e-6), squared_errors / variance.clamp_min(1e-6), 1.0);
}

/// The squared errors [N, 3] by which each of the three rows misses the motions that any of them
/// tells best on the rows it was learned from.
at::Tensor errors_of(const MotionRows& rows) {
  const at::Tensor y = standardised(rows.motions).clamp(-4, 4);
  const at::Tensor half = rows.episodes.remainder(2);
  const at::Tensor errors = at::zeros({y.size(0), 3}, at::kDouble);
  for (const int64_t fold : {0, 1}) {
    const at::Tensor learn = half.eq(fold).nonzero().flatten(),
                     judge = half.ne(fold).nonzero().flatten();
    std::vector<at::Tensor> shares, missed;
    for (const auto& actions : rows.actions) {
      const at::Tensor x = with_constant(standardised(actions));
      const auto learn_x = x.index_select(0, learn), learn_y = y.index_select(0, learn);
      const at::Tensor weights = learned_weights(learn_x, learn_y);
      shares.push_back(1 - share_of((learn_y - learn_x.mm(weights)).square().mean(0), learn_y));
      missed.push_back(
          share_of((y.index_select(0, judge) - x.index_select(0, judge).mm(weights)).square(), y));
    }
    const at::Tensor best =
        at::stack(shares).amax(0).argsort(0, /*descending=*/true).slice(0, 0, kBestMotions);
    for (int64_t row = 0; row < 3; ++row) {
      errors.select(1, row).index_copy_(
          0, judge, missed[static_cast<size_t>(row)].index_select(1, best).mean(1));
    }
  }
  return errors;
}

/// The mean over its standard error, where values of one episode belong together.
double z_of(const at::Tensor& values, const at::Tensor& episodes) {
  const double mean = values.mean().item<double>();
  const int64_t count = episodes.max().item<int64_t>() + 1;
  const at::Tensor sums = at::zeros({count}, at::kDouble).index_add_(0, episodes, values - mean);
  const double error =
      std::sqrt(sums.square().sum().item<double>()) / static_cast<double>(values.size(0));
  return error > 0 ? mean / error : 0;
}

}  // namespace

FrameSample sample_frames(const ShardReader& shard, int64_t most_bytes) {
  const auto [H, W, C] = shard.frame_shape();
  const int64_t most_frames = most_bytes / std::max<int64_t>(H * W * C, 1);
  const int64_t run_frames = std::clamp(most_frames / kLeastRuns, kLeastRunFrames, kMostRunFrames);
  const int64_t runs = std::clamp(most_frames / run_frames, kLeastRuns, kMostRuns);
  const int64_t step = std::max(shard.num_frames() / runs, run_frames);
  FrameSample sample;
  int64_t next = 0;  // row at which the next run may begin
  for (size_t e = 0; e < shard.episode_frames().size(); ++e) {
    const int64_t begin = shard.episode_offsets()[e];
    const int64_t end = begin + shard.episode_frames()[e];
    for (int64_t first = std::max(next, begin); first + 2 <= end; first += step) {
      const int64_t count = std::min(run_frames, end - first);
      sample.runs_THWC.push_back(read_run(shard, first, count));
      sample.episodes.push_back(static_cast<int64_t>(e));
      if (shard.actions().defined() && shard.actions().numel() > 0) {
        sample.actions.push_back(shard.actions().slice(0, first, first + count));
      }
      next = first + step;
    }
  }
  return sample;
}

FrameStatistics frame_statistics(const FrameSample& sample) {
  FrameStatistics all;
  double sum = 0, squares = 0, values = 0, change = 0, changes = 0, still = 0, pairs = 0;
  for (const auto& frames_THWC : sample.runs_THWC) {
    const at::Tensor frames = frames_THWC.flatten(1).to(at::kFloat).div_(255);
    const int64_t count = frames.size(0);
    sum += frames.sum(at::kDouble).item<double>();
    squares += frames.square().sum(at::kDouble).item<double>();
    values += static_cast<double>(frames.numel());
    all.black_share += frames.amax(1).le(16.0 / 255).sum().item<double>();
    const at::Tensor steps = (frames.slice(0, 1) - frames.slice(0, 0, count - 1)).abs_();
    change += steps.sum(at::kDouble).item<double>();
    changes += static_cast<double>(steps.numel());
    still += steps.amax(1).eq(0).sum().item<double>();
    pairs += static_cast<double>(count - 1);
    all.frames += count;
  }
  if (all.frames == 0) return all;
  all.brightness = sum / values;
  all.contrast = std::sqrt(std::max(squares / values - all.brightness * all.brightness, 0.0));
  all.black_share /= static_cast<double>(all.frames);
  all.motion = changes > 0 ? change / changes : 0;
  all.still_share = pairs > 0 ? still / pairs : 0;
  return all;
}

AlignmentEvidence alignment_evidence(const FrameSample& sample, const ActionSpace& space) {
  AlignmentEvidence evidence;
  if (sample.actions.empty()) return evidence;
  int64_t choices = 0;
  if (space.kind == ActionSpace::Kind::discrete) {
    for (const auto& actions : sample.actions) {
      choices = std::max(choices, actions.max().item<int64_t>() + 1);
    }
    choices = std::min(choices, kMostChoices);
  }
  MotionRows rows;
  std::vector<at::Tensor> motions, episodes;
  std::array<std::vector<at::Tensor>, 3> actions;
  const bool has_many = sample.episodes.back() - sample.episodes.front() >= kLeastEpisodes;
  for (size_t run = 0; run < sample.actions.size(); ++run) {
    const at::Tensor numbers = numbers_of(sample.actions[run], space, choices);
    const int64_t count = numbers.size(0);
    if (count < 4) continue;
    // The action of an episode's last row leads nowhere and may be anything.
    motions.push_back(motions_of(sample.runs_THWC[run]).to(at::kDouble).slice(0, 1, count - 2));
    for (const int64_t row : {0, 1, 2}) {
      const int64_t first = row == 2 ? 0 : row + 1;
      actions[static_cast<size_t>(row)].push_back(numbers.slice(0, first, first + count - 3));
    }
    const auto group = has_many ? sample.episodes[run] : static_cast<int64_t>(run);
    episodes.push_back(at::full({count - 3}, group, at::kLong));
  }
  if (motions.size() < 2) return evidence;
  rows.motions = at::cat(motions);
  rows.episodes = at::cat(episodes);
  for (size_t row = 0; row < 3; ++row) rows.actions[row] = at::cat(actions[row]);
  const at::Tensor half = rows.episodes.remainder(2);
  const bool has_halves = half.min().item<int64_t>() != half.max().item<int64_t>();
  if (rows.motions.size(0) < kLeastPairs || !has_halves) return evidence;
  const at::Tensor errors = errors_of(rows);
  const at::Tensor shares = 1 - errors.mean(0);
  evidence.pairs = rows.motions.size(0);
  evidence.as_read = shares[0].item<double>();
  evidence.one_later = shares[1].item<double>();
  evidence.one_earlier = shares[2].item<double>();
  evidence.later_z = z_of(errors.select(1, 0) - errors.select(1, 1), rows.episodes);
  evidence.earlier_z = z_of(errors.select(1, 0) - errors.select(1, 2), rows.episodes);
  return evidence;
}

}  // namespace nextframe
