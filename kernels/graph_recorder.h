// CUDA graphs: records work of the GPU once, and launches it as one from then on.
#pragma once

#include <functional>
#include <memory>

namespace nextframe {

class RecordedGraph {
 public:
  virtual ~RecordedGraph() = default;

  /// Launches the same operations, with the same arguments and memory, on LibTorch's current
  /// stream.
  virtual void replay() = 0;
};

/// Records what `body` launches on the current stream, without running it. Memory that it
/// allocates is kept for replays. Throws if something cannot be recorded; then nothing has run
/// on the stream, but what the host did is not undone.
using GraphRecorder =
    std::function<std::unique_ptr<RecordedGraph>(const std::function<void()>& body)>;

/// CUDA graphs on the current device (kernels/cuda/graph_cuda.cpp); null in a build without CUDA.
/// It has never been run on a GPU.
GraphRecorder cuda_graph_recorder();

}  // namespace nextframe
