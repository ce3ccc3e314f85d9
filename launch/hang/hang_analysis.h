// Explains a hang from the reports of all ranks: which rank keeps the others waiting, in one
// sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/hang/rank_report.h"

namespace nextframe {

enum class HangCause {
  nothing,          // no report shows a waiting collective
  different_calls,  // ranks called different collectives, or with sizes that do not fit
  silent_rank,      // a rank no longer writes: stopped, killed, or its disk is gone
  absent_rank,      // a rank still writes, but has not called what the others wait in
  link_failed,      // NCCL or MPI reports that a communicator has failed
  nobody_done       // all have called it, and it does not end: network or device
};

struct HangVerdict {
  HangCause cause = HangCause::nothing;
  std::vector<int64_t> ranks;  // that caused it
  std::string communicator;    // "" without a collective
  int64_t sequence = -1;
  std::string text;  // one line
};

/// `reports`: at most one for each of `size` ranks, dumps or heartbeats.
HangVerdict explain_hang(const std::vector<RankReport>& reports, int64_t size);

/// The first collective, if any, in which the dumps among `reports` differ.
HangVerdict find_different_calls(const std::vector<RankReport>& reports);

/// "different_calls"
const char* cause_name(HangCause cause);

}  // namespace nextframe
