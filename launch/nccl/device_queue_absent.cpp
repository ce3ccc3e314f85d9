#include "launch/error.h"
#include "launch/nccl/device_queue.h"

namespace nextframe {

std::unique_ptr<DeviceQueue> make_gpu_queue(int64_t) {
  throw EnvironmentError(
      "this program was built without CUDA; build with 'cmake --workflow --preset cuda', or set "
      "parallel.device to cpu");
}

}  // namespace nextframe
