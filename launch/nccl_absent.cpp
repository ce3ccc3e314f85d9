#include "launch/error.h"
#include "launch/nccl_communicator.h"

namespace nextframe {

std::unique_ptr<Communicator> make_nccl_communicator(Communicator&, int64_t) {
  throw EnvironmentError(
      "this program was built without CUDA; build with 'cmake --workflow --preset cuda', or set "
      "parallel.device to cpu");
}

}  // namespace nextframe
