// CUDA graphs of the training step (`trainer.cuda_graphs`): work that is recorded once and replayed
// in later steps, and the choice of what to record.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/graph_recorder.h"
#include "trainer/config/config.h"
#include "trainer/parallel/sharding.h"

namespace nextframe {

/// The work must read whatever changes between steps from tensors that stay at the same
/// addresses. The first call runs it eagerly, so that libraries and caches are warm; the
/// second records and replays it, and later calls replay it. If recording fails or addresses
/// change, it says so once and runs the work eagerly from then on.
class ReplayedGraph {
 public:
  /// Addresses of tensors that may differ between calls: each set of them has its own recording.
  using Addresses = std::vector<const void*>;

  ReplayedGraph() = default;  // runs it each time

  /// `name` as in "CUDA graphs: off for <name>: …".
  ReplayedGraph(std::string name, GraphRecorder recorder,
                std::function<void(const std::string&)> say);

  void run(const Addresses& addresses, const std::function<void()>& body);

  int64_t num_replays() const { return num_replays_; }
  bool is_on() const { return recorder_ != nullptr; }

 private:
  void remember(const Addresses& addresses);
  bool record(std::unique_ptr<RecordedGraph>& to, const std::function<void()>& body);
  void turn_off(const std::string& reason);

  std::string name_;
  GraphRecorder recorder_;  // null: off
  std::function<void(const std::string&)> say_;
  std::map<Addresses, std::unique_ptr<RecordedGraph>> recorded_;  // null after the first run
  int64_t num_replays_ = 0;
};

/// Which parts of the step are recorded.
struct GraphChoice {
  ReplayedGraph
      grains;  // all of a rank's grains but the last, whose backward overlaps communication
  ReplayedGraph optimizer;  // off where the update communicates
};

/// `recorder` is null where the device has no graphs. If the config asks for graphs that are
/// not possible, says why once: "CUDA graphs: off: …".
///   owned_grains  of this rank
GraphChoice choose_graphs(const Config& config, Shard shard, int64_t owned_grains,
                          const GraphRecorder& recorder,
                          const std::function<void(const std::string&)>& say);

}  // namespace nextframe
