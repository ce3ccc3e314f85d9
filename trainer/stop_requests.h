// All ways to ask a run to save and stop: a signal, a file in its folder, a time limit.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "launch/communicator.h"
#include "launch/signals.h"

namespace nextframe {

struct StopLimits {
  std::filesystem::path file{};           // while it exists: save and end
  double max_minutes = 0;                 // of this start; 0: no limit
  std::optional<double> job_ends_in_s{};  // the scheduler kills everything then
};

/// The requests that this rank has seen; strongest_request() makes all ranks agree. A request
/// is never taken back. For use by one thread.
class StopRequests {
 public:
  using Clock = std::function<double()>;  // seconds; never goes back

  /// `signals` outlives it. Time counts from here.
  StopRequests(const SignalWatch& signals, const StopLimits& limits, Clock now_s = steady_s);

  /// Cheap enough to call in every step and every wait: it looks for the file once a second.
  StopRequest requested();

  /// Takes note of how long a save took. A Slurm job is asked to stop one minute plus three
  /// times the longest save before its end, but not before half of its time is used.
  void note_save_time(double seconds);

  /// Who asked: "SIGTERM", "the file runs/mine/STOP", ...; "another rank" if this one was not
  /// asked.
  std::string reason() const;

  /// Call it once the request was obeyed: removes the file, so that the next start trains on.
  void acknowledge();

 private:
  static double steady_s();
  bool is_file_there();
  void note(const std::string& reason);

  const SignalWatch& signals_;
  const StopLimits limits_;
  const Clock now_s_;
  const double began_s_;
  double longest_save_s_ = 0;
  double next_check_s_ = 0;
  std::string reason_;
};

/// The strongest request of any rank. Collective.
StopRequest strongest_request(Communicator& world, StopRequest own);

}  // namespace nextframe
