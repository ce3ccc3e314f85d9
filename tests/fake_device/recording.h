// Records what a CUDA graph would see of work on the fake device: which operations the host waits
// for, and which numbers are arguments of the calls.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <functional>
#include <vector>

#include "kernels/graph_recorder.h"

namespace nextframe::fake_device {

/// Runs `body`, in which operations throw, by name, that a graph cannot hold: those that give the
/// host a number or a shape that depends on numbers, and copies between host and device.
void run_strictly(const std::function<void()>& body);

/// The operations that a body has called, with their arguments as they were then.
class Recording final : public RecordedGraph {
 public:
  /// Runs `body` strictly. What it wrote is undone, or spoilt where it was written first: like a
  /// capture on a GPU it has computed nothing.
  explicit Recording(const std::function<void()>& body);

  /// Calls them again, with the same arguments, on the same memory.
  void replay() override;

  size_t num_operations() const { return calls_.size(); }

 private:
  friend class Recorder;
  struct Call {
    c10::OperatorHandle operation;
    std::vector<c10::IValue> arguments;  // tensors as the CPU sees them
    std::vector<at::Tensor> results;     // that the operation made
  };
  std::vector<Call> calls_;
};

/// Recordings as the trainer's replayed work takes them.
GraphRecorder recorder();

}  // namespace nextframe::fake_device
