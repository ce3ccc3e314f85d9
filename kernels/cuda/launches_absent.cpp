// Stands in for launches_cuda.cpp in a build without CUDA.
#include "kernels/cuda/launches.h"

namespace nextframe::cuda {

const Launches* launches() { return nullptr; }

}  // namespace nextframe::cuda
