// Stands in for graph_cuda.cpp in a build without CUDA.
#include "kernels/recorded_work.h"

namespace nextframe {

WorkRecorder cuda_graph_recorder() { return nullptr; }

}  // namespace nextframe
