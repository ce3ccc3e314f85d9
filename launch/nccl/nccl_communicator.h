// The communicator over NCCL: one process, one GPU, one rank.
#pragma once

#include <cstdint>
#include <memory>

#include "launch/communicator.h"
#include "launch/hang/abortable_communicators.h"
#include "launch/hang/flight_recorder.h"
#include "launch/nccl/device_stream.h"

namespace nextframe {

struct NcclLimits {
  double start_s = 300;  // how long to wait for the other ranks
  double abort_s = 5;    // how long NCCL may take to abort collectives
};

/// Makes a communicator of the ranks of `host_communicator`, which is only used here, to broadcast
/// NCCL's unique id.
///
/// Collectives run in order on the stream `queue`. Each starts after the work on the calling
/// thread's current stream; Ticket::wait makes the current stream wait for the result, while
/// the host goes on. The host itself waits only for a barrier's ticket, or if the device has
/// no streams.
///
/// Throws EnvironmentError if NCCL's library is missing, a peer does not come, or NCCL fails.
/// `recorder` records its calls; without one it makes its own. Once started it is added to
/// `abortables`, if given. Errors name `rank_in_job`; -1: the rank in `host_communicator`.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host_communicator,
                                                     std::unique_ptr<DeviceStream> queue,
                                                     const NcclLimits& limits = {},
                                                     std::shared_ptr<FlightRecorder> recorder = {},
                                                     AbortableCommunicators* abortables = nullptr,
                                                     int64_t rank_in_job = -1);

}  // namespace nextframe
