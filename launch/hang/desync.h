// Detects that ranks no longer call the same collectives, before that becomes a hang or a wrong
// sum.
#pragma once

#include <memory>
#include <vector>

#include "launch/communicator.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {

/// Whether all ranks have made the same calls so far, according to the digests of their recorders.
bool do_calls_agree(const std::vector<CallsDigest>& by_rank);

/// Throws the same EnvironmentError on every rank, with the first call in `recorders` that
/// differs and the ranks that made it. Collective, over a communicator for host tensors that
/// is still in sync.
[[noreturn]] void throw_desync(Communicator& control,
                               const std::vector<std::shared_ptr<FlightRecorder>>& recorders);

/// Combines the digests of a rank's communicators into one; all ranks must have equally many.
CallsDigest join_digests(const std::vector<std::shared_ptr<FlightRecorder>>& recorders);

}  // namespace nextframe
