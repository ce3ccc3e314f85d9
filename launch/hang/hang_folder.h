// The files by which ranks explain a hang:
//   log/rank00003.heartbeat.json      of the newest start, about twice a second
//   log/hang/START/rank00003.json     a dump; START names the start of the run
//   log/hang/START/call               the first rank that gave up asks all others for their dumps
//   log/hang/START/verdict.txt        what came of it, one line
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launch/hang/rank_report.h"

namespace nextframe {

class HangFolder {
 public:
  HangFolder() = default;  // no folder yet: everything fails silently
  /// `log` is the run's folder for logs; `start` is the name of this start.
  HangFolder(std::filesystem::path log, std::string start);

  const std::string& start() const { return start_; }
  std::filesystem::path path() const { return log_ / "hang" / start_; }

  /// These return false, or nothing, if the disk does not allow it.
  bool write_heartbeat(const RankReport& report) const;
  bool write_dump(const RankReport& report) const;
  bool has_dump(int64_t rank) const;
  /// Asks all ranks for their dumps. Returns true on the first rank that calls it.
  bool call_for_dumps() const;
  /// Whether dumps are still wanted. After the verdict they are not: a rank that was stopped
  /// until the job was killed would only confuse it.
  bool wants_dumps() const;
  bool write_verdict(const std::string& line) const;

  /// Each rank's dump, else its heartbeat of this start. Ranks with neither are missing.
  std::vector<RankReport> reports() const;
  /// Copies the heartbeats of ranks without a dump next to the dumps, since the next start
  /// overwrites them.
  void keep_heartbeats() const;

  /// The newest start of a run that has dumps, or "".
  static std::string newest_hang(const std::filesystem::path& log);
  /// The line of its verdict.txt, or "".
  static std::string newest_verdict(const std::filesystem::path& log);
  /// Removes all but a few of the newest.
  static void prune(const std::filesystem::path& log);

 private:
  std::filesystem::path log_;
  std::string start_;
};

/// A name that sorts by time: "20260131T120000.123Z".
std::string new_start_name();

}  // namespace nextframe
