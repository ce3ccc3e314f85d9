#include "trainer/bench/rollout_bench.h"

#include <algorithm>

#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"

namespace nextframe {
namespace {

/// One way to dream, and the seconds that it took in each round.
struct Way {
  RolloutOptions options;
  std::vector<double> rollouts_s = {}, first_frames_s = {};

  RolloutTime time() const { return {median(rollouts_s), median(first_frames_s)}; }
};

/// The first of the frames to dream, from the actions that it needs.
RolloutClips to_first_frame(const RolloutClips& clips) {
  return {clips.context_BTHWC, clips.actions_BTA.slice(1, 0, clips.context_BTHWC.size(1))};
}

/// Operations a further frame: of a whole rollout less those of its first frame.
std::vector<OperationTime> difference(const RecordedOperations& whole,
                                      const RecordedOperations& first, double further_frames) {
  std::vector<OperationTime> result;
  for (auto [name, operation] : whole.operations) {
    const auto found = first.operations.find(name);
    if (found != first.operations.end()) {
      operation.calls -= found->second.calls;
      operation.self_s -= found->second.self_s;
    }
    if (operation.calls <= 0) continue;
    operation.calls /= further_frames;
    operation.self_s /= further_frames;
    result.push_back(operation);
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.self_s > b.self_s; });
  return result;
}

}  // namespace

RolloutBench bench_rollout(WorldModel& model, const RolloutClips& clips, RolloutOptions rollout,
                           const RolloutBenchOptions& options) {
  model.eval();
  const auto first = to_first_frame(clips);
  const auto run = [&](const RolloutClips& of, const RolloutOptions& with) {
    return model.rollout(of.context_BTHWC, of.actions_BTA, with);
  };
  rollout.use_cache = true;
  Way from_memory{rollout};
  rollout.use_cache = false;
  Way recomputed{rollout};
  std::vector<Way*> ways = {&from_memory};
  if (!options.only_memory) ways.push_back(&recomputed);

  RolloutBench result;
  result.dreamed_BTHWC = run(clips, from_memory.options);
  result.clips = result.dreamed_BTHWC.size(0);
  result.frames = result.dreamed_BTHWC.size(1);
  if (!options.only_memory) {
    // Frame 0 is dreamed from the context, frame i from i frames more.
    const int64_t more = std::max<int64_t>(0, options.window_frames - first.actions_BTA.size(1));
    result.largest_difference = (result.dreamed_BTHWC - run(clips, recomputed.options))
                                    .slice(1, 0, more + 1)
                                    .abs()
                                    .max()
                                    .item<double>();
  }
  for (int64_t round = 0; round < options.rounds; ++round) {
    for (Way* way : ways) {
      way->rollouts_s.push_back(seconds_of([&] { run(clips, way->options); }));
      way->first_frames_s.push_back(seconds_of([&] { run(first, way->options); }));
    }
  }
  result.from_memory = from_memory.time();
  if (!options.only_memory) result.recomputed = recomputed.time();
  if (result.frames < 2) return result;
  const auto recorded = [&](const RolloutClips& of) {
    return record_operations([&] {
      for (int64_t round = 0; round < options.rounds; ++round) run(of, from_memory.options);
    });
  };
  const double further_frames = static_cast<double>(options.rounds * (result.frames - 1));
  result.operations = difference(recorded(clips), recorded(first), further_frames);
  return result;
}

}  // namespace nextframe
