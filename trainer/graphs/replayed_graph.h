// This file is a part of the training step that is recorded once and replayed in later steps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/graph_recorder.h"

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

}  // namespace nextframe
