// A measured number with its uncertainty: a value, its 95 % bootstrap interval, and the number of
// episodes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace nextframe {

struct Figure {
  double value = 0;
  double low = 0;
  double high = 0;
  int64_t n = 0;  // episodes: the independent units, over which the interval is drawn
};

/// One episode's contribution to the sums behind a figure, for example {sum of MSE, frames}.
using Sums = std::vector<double>;

/// From the sums over episodes to the figure, for example s[0] / s[1].
using Statistic = std::function<double(const Sums&)>;

/// a / b, where 0 / 0 is 1: two perfect predictors are equally good.
double ratio(double a, double b);

/// Percentile bootstrap over episodes (Efron 1979): draws whole episodes with replacement,
/// adds their sums, and computes the statistic again. Figures over equally many episodes share
/// their draws.
class Bootstrap {
 public:
  static constexpr int64_t kResamples = 1000;

  explicit Bootstrap(uint64_t seed) : seed_(seed) {}

  /// `episodes` has one entry of equal length for each episode that contributes. Without any, the
  /// figure has n = 0.
  Figure figure(const std::vector<Sums>& episodes, const Statistic& statistic);

 private:
  void draw(size_t num_episodes);

  uint64_t seed_;
  size_t drawn_episodes_ = 0;
  std::vector<uint32_t> draws_;  // [kResamples, drawn_episodes_], which episode was drawn
};

/// The value with the interval of the jackknife (Efron and Stein 1981), value +- 1.96 sqrt((G - 1)
/// / G sum (v_g - mean v)^2), for statistics that a bootstrap would bias because it repeats
/// episodes.
///   without  the statistic without each of G >= 2 equally large groups of episodes
Figure jackknife_figure(double value, const std::vector<double>& without, int64_t num_episodes);

}  // namespace nextframe
