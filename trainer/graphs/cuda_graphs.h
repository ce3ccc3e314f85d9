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

/// Whatever changes from one time to the next the work reads from tensors that stay where they are.
/// It is run the first time, so that libraries and caches are ready, recorded and replayed the
/// second, and replayed from then on. Where recording fails, or tensors do not stay in place, that
/// is told once, and all times are run.
class ReplayedGraph {
 public:
  /// Addresses of tensors that are not always the same ones: a recording is of these.
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
