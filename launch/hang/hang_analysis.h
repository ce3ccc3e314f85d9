// Explains a hang from the reports of all ranks: which rank keeps the others waiting, in one
// sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/hang/rank_report.h"

namespace nextframe {

enum class HangCause {
  nothing,          // no report shows a collective that waits
  different_calls,  // ranks called different collectives, or with sizes that do not fit
  silent_rank,      // a rank has stopped to write: stopped, killed, or its disk is gone
  absent_rank,      // a rank that writes has never entered what the others wait in
  link_failed,      // the library below a communicator says that it has failed
  nobody_done       // all entered, and it does not end: network or device
};

struct HangVerdict {
  HangCause cause = HangCause::nothing;
  std::vector<int64_t> ranks;  // the culprits
  std::string communicator;    // "" without a collective
  int64_t sequence = -1;
  std::string text;  // one line
};

/// `reports`: at most one a rank, dumps or heartbeats, of a world of `size` ranks.
HangVerdict explain_hang(const std::vector<RankReport>& reports, int64_t size);

/// The first collective, if any, in which the dumps among `reports` differ.
HangVerdict find_different_calls(const std::vector<RankReport>& reports);

/// "different_calls"
const char* cause_name(HangCause cause);

}  // namespace nextframe
