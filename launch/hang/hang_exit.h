// Ends a job that hangs or whose communication has failed: the rank writes its dump, prints where
// it is, names the culprit if the other ranks' dumps are there, aborts its communicators, and exits
// with 86. Nothing here may block.
#pragma once

#include <chrono>
#include <functional>

#include "launch/hang/watchdog.h"

namespace nextframe {

/// The Watchdog's default action. Does not return, and takes a few seconds at most, whatever hangs.
[[noreturn]] void report_hang_and_exit(const Hang& hang);

/// The message of this rank: "rank 1 on node07: no progress for 10.1 s in step 118 (wait): in
/// #17 all_to_all of bucket 2 ..." or "rank 1 on node07: communicator gradients failed in step
/// 118, section wait, in #17 ...".
std::string hang_message(const Hang& hang, const RankReport& report);

/// Runs `work` in a thread of its own and returns whether it ended within `limit`. If not, it
/// goes on, so it must own everything that it uses.
bool finishes_within(std::chrono::milliseconds limit, std::function<void()> work);

}  // namespace nextframe
