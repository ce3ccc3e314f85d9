// Collectives on strings, by which ranks check that they agree (on config, build, folder) before
// they start.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "launch/communicator.h"

namespace nextframe {

/// All-gathers a string; the result is by rank. Collective, over a communicator for host tensors,
/// like everything below.
std::vector<std::string> gather_strings(Communicator& communicator, const std::string& mine);

/// Broadcasts the root's string.
std::string broadcast_string(Communicator& communicator, const std::string& text, int64_t root = 0);

/// Throws the same EnvironmentError on every rank if `value` differs from rank 0's on any; it
/// names the ranks and hosts that differ. `what` says what is compared: "config hash" or
/// "build".
void require_equal(Communicator& communicator, const std::string& what, const std::string& value);

/// Checks with a temporary file that all ranks see the same `folder`, which must exist for
/// rank 0; else throws the same EnvironmentError on every rank.
void require_shared_folder(Communicator& communicator, const std::filesystem::path& folder,
                           std::chrono::milliseconds patience = std::chrono::seconds(10));

/// Throws on every rank if any rank has a problem ("" means none), and names that rank: an
/// error of one rank becomes everybody's instead of a hang.
void require_no_problem(Communicator& communicator, const std::string& what,
                        const std::string& problem);

}  // namespace nextframe
