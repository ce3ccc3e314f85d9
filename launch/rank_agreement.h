// Collectives on strings, by which ranks check that they agree (on config, build, folder) before
// they start.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "launch/communicator.h"

namespace nextframe {

/// Every rank's text, by rank. Collective, over a communicator for host tensors, as all below.
std::vector<std::string> gather_strings(Communicator& communicator, const std::string& mine);

/// The root's text, on every rank.
std::string broadcast_string(Communicator& communicator, const std::string& text, int64_t root = 0);

/// Throws the same EnvironmentError on every rank when `value` differs from rank 0's anywhere; it
/// names the ranks and hosts that differ. `what` is "config hash" or "build".
void require_equal(Communicator& communicator, const std::string& what, const std::string& value);

/// Proves with a short-lived file that all ranks see one `folder`, which must exist for rank 0;
/// throws the same EnvironmentError on every rank otherwise.
void require_shared_folder(Communicator& communicator, const std::filesystem::path& folder,
                           std::chrono::milliseconds patience = std::chrono::seconds(10));

/// Throws on every rank when any rank has a problem ("" is none), naming it: an error of one rank
/// becomes everybody's instead of a hang.
void require_no_problem(Communicator& communicator, const std::string& what,
                        const std::string& problem);

}  // namespace nextframe
