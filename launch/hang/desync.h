// Detects that ranks no longer call the same collectives, before that becomes a hang or a wrong
// sum.
#pragma once

#include <memory>
#include <vector>

#include "launch/communicator.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {

/// Whether all ranks have called the same so far, by the digests of their recorders.
bool do_calls_agree(const std::vector<CallsDigest>& by_rank);

/// Collective, over a communicator for host tensors that all ranks still agree on. Throws the same
/// EnvironmentError on every rank: the first call of `recorders` that differs, and whose it is.
[[noreturn]] void throw_desync(Communicator& control,
                               const std::vector<std::shared_ptr<FlightRecorder>>& recorders);

/// The digests of several communicators of a rank as one; each rank is in as many.
CallsDigest join_digests(const std::vector<std::shared_ptr<FlightRecorder>>& recorders);

}  // namespace nextframe
