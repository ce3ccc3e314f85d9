#include "trainer/graphs/graph_choice.h"

namespace nextframe {
namespace {

/// Why no grain is recorded; "" if they are.
std::string reason_against_grains(const Config& config, Shard shard, int64_t owned_grains) {
  if (shard >= Shard::gradients)
    return "parallel.shard = " + config.parallel.shard + " moves the gradients of every grain";
  if (config.trainer.recompute != "none")
    return "trainer.recompute = " + config.trainer.recompute + " runs forward inside backward";
  if (owned_grains < 2)
    return "a rank's last grain sends gradients while they are made, and this rank has one";
  return "";
}

}  // namespace

GraphChoice choose_graphs(const Config& config, Shard shard, int64_t owned_grains,
                          const GraphRecorder& recorder,
                          const std::function<void(const std::string&)>& say) {
  GraphChoice choice;
  if (!config.trainer.cuda_graphs) return choice;
  if (recorder == nullptr) {
    say("CUDA graphs: off: they need a GPU");
    return choice;
  }
  const auto reason = reason_against_grains(config, shard, owned_grains);
  if (reason.empty()) {
    choice.grains = ReplayedGraph("a grain", recorder, say);
  } else {
    say("CUDA graphs: off for grains: " + reason);
  }
  if (shard == Shard::none) {
    choice.optimizer = ReplayedGraph("the optimizer's step", recorder, say);
  } else {
    say("CUDA graphs: off for the optimizer: parallel.shard = " + config.parallel.shard +
        " sends what it updates");
  }
  return choice;
}

}  // namespace nextframe
