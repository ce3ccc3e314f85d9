#include "launch/device.h"
#include "launch/error.h"

namespace nextframe {

std::vector<Gpu> visible_gpus() { return {}; }

bool has_cuda_build() { return false; }

void use_gpu(int64_t) { throw EnvironmentError("this program was built without CUDA"); }

}  // namespace nextframe
