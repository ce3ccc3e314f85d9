// Stands in for graph_cuda.cpp in a build without CUDA.
#include "kernels/graph_recorder.h"

namespace nextframe {

GraphRecorder cuda_graph_recorder() { return nullptr; }

}  // namespace nextframe
