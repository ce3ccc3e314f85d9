#include "launch/error.h"
#include "launch/nccl/device_stream.h"

namespace nextframe {

std::unique_ptr<DeviceStream> make_gpu_stream(int64_t) {
  throw EnvironmentError(
      "this program was built without CUDA; build with 'cmake --workflow --preset cuda', or set "
      "parallel.device to cpu");
}

}  // namespace nextframe
