// CUDA graphs: records work of the GPU once, and launches it as one from then on.
#pragma once

#include <functional>
#include <memory>

namespace nextframe {

class RecordedGraph {
 public:
  virtual ~RecordedGraph() = default;

  /// Starts the same operations, with the same arguments on the same memory, on LibTorch's current
  /// stream.
  virtual void replay() = 0;
};

/// Records what `body` starts on the current stream, of which nothing is run. Memory that it takes
/// on the way is kept for the replays. Throws where something cannot be recorded; then nothing of
/// that stream was run either, while what the host did stays done.
using GraphRecorder =
    std::function<std::unique_ptr<RecordedGraph>(const std::function<void()>& body)>;

/// CUDA graphs on the current device (kernels/cuda/graph_cuda.cpp); null in a build without CUDA.
/// It has never been run on a GPU.
GraphRecorder cuda_graph_recorder();

}  // namespace nextframe
