// This file is whether a run records its steps (`trainer.cuda_graphs`), and why not.
#pragma once

#include <functional>
#include <string>

#include "kernels/graph_recorder.h"
#include "trainer/config/config.h"
#include "trainer/graphs/replayed_graph.h"
#include "trainer/parallel/sharding.h"

namespace nextframe {

/// Which parts of the step are recorded.
struct GraphChoice {
  ReplayedGraph grains;  // all of a rank's but the last, whose gradients leave while they are made
  ReplayedGraph optimizer;  // not where it sends what it has updated
};

/// `recorder` is the device's, null where it has none. Where the config asks for graphs and not all
/// can be had, says once why: "CUDA graphs: off: …".
///   owned_grains  of this rank
GraphChoice choose_graphs(const Config& config, Shard shard, int64_t owned_grains,
                          const GraphRecorder& recorder,
                          const std::function<void(const std::string&)>& say);

}  // namespace nextframe
