// What one rank reports of itself to explain a hang: everything when it hangs, a summary in each
// heartbeat.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/hang/abortable_communicators.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {

struct CommunicatorReport {
  std::string name;
  int64_t entered = 0;                        // number of collectives so far
  std::vector<CollectiveRecord> collectives;  // the newest ones, oldest first
  int64_t num_ranks = 0;                      // that it has; 0: all of the job
};

struct RankReport {
  int64_t rank = 0;
  int64_t size = 1;  // of the world
  std::string host;
  std::string start;     // name of this start of the run; the same on all ranks
  double time_s = 0;     // of the report, Unix time
  int64_t step = 0;      // counted from 1; 0 before the first
  std::string section;   // "setup", "data", "step", "wait", "evaluate", "save", ...
  double section_s = 0;  // how long it has been there
  bool is_dump = false;  // everything that is known of a hang; else a heartbeat
  std::vector<CommunicatorReport> communicators;
  CommunicatorFault fault;  // in a dump: the error of one of its communicators
};

/// One JSON object, with a line for each collective.
std::string to_json(const RankReport& report);

/// Throws std::exception for anything but to_json's output.
RankReport parse_rank_report(const std::string& text);

/// "rank 3 on node07".
std::string rank_name(const RankReport& report);

/// "#17 all_to_all of bucket 2".
std::string collective_name(const CollectiveRecord& record);

/// "12:03:11.2", UTC.
std::string time_of_day(double time_s);

double unix_time_s();

}  // namespace nextframe
