// The communicator over MPI, for tensors in host memory.
#pragma once

#include <memory>

#include "launch/communicator.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {

/// A communicator of the ranks that pass the same `group`, in the order of their numbers in
/// the job. Every rank makes its communicators in the same order, while MPI runs.
///
/// MPI libraries make no progress in the background, so the collectives run one after another,
/// blocking, in this object's own thread and on its own MPI communicator: computation goes on
/// meanwhile, and two communicators never wait for each other. bfloat16 is summed in float32.
/// `recorder` records its calls; without one it makes its own.
std::unique_ptr<Communicator> make_mpi_communicator(
    std::shared_ptr<FlightRecorder> recorder = nullptr, int64_t group = 0);

}  // namespace nextframe
