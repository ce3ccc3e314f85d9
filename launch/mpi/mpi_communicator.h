// The communicator over MPI, for tensors in host memory.
#pragma once

#include <memory>

#include "launch/communicator.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {

/// All ranks of the job, or those that give the same `group`, by their numbers in the job; every
/// rank makes its communicators in the same order, while MPI runs.
///
/// MPI libraries make no progress on their own, so the collectives run one after another, blocking,
/// in a thread of this object, on an MPI communicator of this object: computation goes on
/// meanwhile, and two communicators never wait for each other. bfloat16 is summed in float32.
/// `recorder` keeps its calls; without one it has a recorder of its own.
std::unique_ptr<Communicator> make_mpi_communicator(
    std::shared_ptr<FlightRecorder> recorder = nullptr, int64_t group = 0);

}  // namespace nextframe
