#include "trainer/bench/communication_bench.h"

#include <torch/cuda.h>

#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"
#include "trainer/parallel/ddp_bucket.h"

namespace nextframe {
namespace {

constexpr int64_t kWarmUpRounds = 2;

/// A bucket that has taken its grains and waits to be exchanged.
class Exchange {
 public:
  Exchange(const ProcessGroups& groups, int64_t num_grains, bool strict, const at::Tensor& gradient)
      : bucket_(groups, num_grains, strict, {{0, gradient.numel()}}), gradient_(gradient) {
    std::tie(first_, last_) = owned_leaves(num_grains, groups.all.rank(), groups.all.size());
  }
  void take_grains() {
    for (int64_t grain = first_; grain < last_; ++grain) bucket_.add(grain, gradient_);
  }
  void run() {
    bucket_.start();
    bucket_.finish();
  }

 private:
  DdpBucket bucket_;
  at::Tensor gradient_;
  int64_t first_ = 0, last_ = 0;
};

/// The median over rounds of the slowest rank.
double slowest(Communicator& world, const std::vector<double>& seconds, c10::Device device) {
  const auto mine = at::tensor(seconds, at::kDouble).to(device);
  const auto all = at::empty({world.size(), mine.numel()}, mine.options());
  world.all_gather(mine, all).wait();
  const auto worst = all.amax(0).cpu();
  const auto* values = worst.const_data_ptr<double>();
  return median({values, values + worst.numel()});
}

}  // namespace

CommunicationBench bench_communication(const ProcessGroups& groups, c10::Device device,
                                       int64_t num_grains, int64_t bytes, int64_t rounds) {
  auto& world = groups.all;
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const int64_t part = (bytes / 4 + world.size() - 1) / world.size();
  const auto gradient = at::ones({bytes / 4}, options);
  const auto whole = at::ones({world.size() * part}, options);
  const auto slice = at::ones({part}, options);
  Exchange strict(groups, num_grains, true, gradient), fast(world, num_grains, false, gradient);
  Exchange one_level(world, num_grains, true, gradient);

  std::vector<double> seconds[5];
  const auto time = [&](int which, bool counts, const std::function<void()>& run) {
    world.barrier().wait();
    const double taken_s = seconds_of([&] {
      run();
      if (device.is_cuda()) torch::cuda::synchronize(device.index());
    });
    if (counts) seconds[which].push_back(taken_s);
  };
  for (int64_t round = -kWarmUpRounds; round < rounds; ++round) {
    strict.take_grains();
    time(0, round >= 0, [&] { strict.run(); });
    fast.take_grains();
    time(1, round >= 0, [&] { fast.run(); });
    time(2, round >= 0, [&] { world.reduce_scatter(whole, slice).wait(); });
    time(3, round >= 0, [&] { world.all_gather(slice, whole).wait(); });
    if (!groups.has_two_levels()) continue;
    one_level.take_grains();
    time(4, round >= 0, [&] { one_level.run(); });
  }
  CommunicationBench bench{bytes};
  bench.strict_s = slowest(world, seconds[0], device);
  bench.fast_s = slowest(world, seconds[1], device);
  bench.reduce_scatter_s = slowest(world, seconds[2], device);
  bench.all_gather_s = slowest(world, seconds[3], device);
  if (groups.has_two_levels()) bench.one_level_s = slowest(world, seconds[4], device);
  return bench;
}

}  // namespace nextframe
