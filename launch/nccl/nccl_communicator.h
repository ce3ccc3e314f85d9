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
  double start_s = 300;  // for the other ranks to answer
  double abort_s = 5;    // for NCCL to end what is under way
};

/// As many ranks as `host_communicator`, which is used only now, to agree on NCCL's unique id.
///
/// Collectives run in order on `queue`. Each starts after the work that the calling thread's
/// current stream holds by then; Ticket::wait makes the then current stream wait for the result,
/// the host goes on. Only a barrier's ticket is waited for by the host, and every ticket where the
/// queue's device has no streams.
///
/// EnvironmentError where NCCL's library is missing, a peer does not come, or NCCL fails.
/// `recorder` keeps its calls; without one it has a recorder of its own. It joins `abortables`, if
/// any, once it has started. Errors name `rank_in_job`; -1: the rank in `host_communicator`.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host_communicator,
                                                     std::unique_ptr<DeviceStream> queue,
                                                     const NcclLimits& limits = {},
                                                     std::shared_ptr<FlightRecorder> recorder = {},
                                                     AbortableCommunicators* abortables = nullptr,
                                                     int64_t rank_in_job = -1);

}  // namespace nextframe
