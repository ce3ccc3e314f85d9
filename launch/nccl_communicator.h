// This file is the communicator over NCCL: one process, one GPU, one rank.
#pragma once

#include <cstdint>
#include <memory>

#include "launch/communicator.h"

namespace nextframe {

/// As many ranks as `host_communicator`, which is used only now, to agree on NCCL's unique id.
///
/// Collectives run in order on a stream of this object. Each starts after the work that the calling
/// thread's current stream holds by then; Ticket::wait makes the then current stream wait for the
/// result, the host goes on. Only a barrier's ticket is waited for by the host.
///
/// EnvironmentError where NCCL's library is missing or this program was built without CUDA.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host_communicator,
                                                     int64_t gpu_index);

}  // namespace nextframe
